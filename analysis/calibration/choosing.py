"""Which kind of calibrator a detector gets: the one that predicts the labels of left-out sources best."""

from __future__ import annotations

import numpy as np

from analysis.calibration.fitting import fit_calibration, llrs
from analysis.calibration.methods import METHODS, Choice, Method
from analysis.calibration.scores import ScoreTable
from detectors.errors import NotMeasurable


def chosen(table: ScoreTable, choice: Choice, *, one_sided: bool = False) -> Method:
    """Return the method itself, or for ``best`` that of the least `left_out_loss`.

    Where no source can be left out, as one class comes from one source alone, it is the plainest.
    """
    if choice != "best":
        return choice
    try:
        losses = {method: left_out_loss(table, method, one_sided=one_sided) for method in METHODS}
    except NotMeasurable:
        return METHODS[0]
    return min(METHODS, key=lambda method: losses[method])


def left_out_loss(table: ScoreTable, method: Method, *, one_sided: bool = False) -> float:
    """Return the logistic loss in nats, classes and sources balanced, each source left out in turn.

    Raises:
        NotMeasurable: a class comes from one source alone.
    """
    evidence = np.empty(len(table))
    for source in np.unique(table.source):
        inside = table.source == source
        fitted = fit_calibration(table.rows(~inside), method, date="", one_sided=one_sided)
        evidence[inside] = llrs([fitted], table.scores[inside])[:, 0]
    return float(np.sum(table.weights() * (np.logaddexp(0, evidence) - table.label * evidence)))
