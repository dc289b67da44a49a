"""AASIST and AASIST-L: synthetic and converted speech, judged on graphs of a raw waveform's spectrogram.

Paper: arXiv 2110.01200 (Jung et al., ICASSP 2022).
"""
