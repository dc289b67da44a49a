"""Recipe of the weights of `veritag_speech`, and how they were measured.

    python -m detectors.training.veritag_speech --data DIR --out DIR --seed 0 [--cross-validate]

`clips` finds labelled speech, `histories` gives it file histories, `recipe` fits, `cross_validation` measures
with whole synthesisers left out, `probes` says what numbers that know nothing of speech reach.
"""
