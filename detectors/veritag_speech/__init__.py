"""Speech that a vocoder made, judged by the statistics of its short-time spectra and band envelopes.

Weights of this project: `detectors.training.veritag_speech`.
"""

from detectors.veritag_speech.detector import VeritagSpeech

__all__ = ["VeritagSpeech"]
