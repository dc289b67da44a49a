"""Getting detectors' published weights: on request only, resumed where they broke off, proven, installed.

`fetch.fetch` is the door. What is done with a published file is the detectors' business
(`detectors.weights.install`); this package only brings it, and says what there is (`state`).
"""
