"""Evaluation: how well detectors and policies do on labelled media, told with its uncertainty.

`readers` finds the labelled media in a folder, `delivery` says how they arrive (as they are, cropped,
encoded again ...), `scoring` lets the engine judge them, `measuring` makes figures of the scores, and
`report` shows them.
"""
