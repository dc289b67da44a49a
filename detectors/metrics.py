"""Measured figures of detectors and ensembles; `detectors.resampling` gives the intervals around them.

Everywhere: ``labels`` are 0 (real) or 1 (fake), ``scores`` lie in [0, 1] with 1 = fake unless said otherwise,
all one-dimensional and of one length. What cannot be measured raises `NotMeasurable`; nothing returns NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn import metrics as sk

from detectors.errors import NotMeasurable

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


def checked(labels: ArrayLike, scores: ArrayLike, *, unit: bool = True) -> tuple[Labels, Floats]:
    """Return both as arrays, or say what is wrong with them.

    Raises:
        NotMeasurable: empty, of different lengths, a label that is not 0 or 1, a score that is not a finite
            number (or, with ``unit``, outside [0, 1]), or only one class.
    """
    y, s = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if y.ndim != 1 or y.shape != s.shape:
        raise NotMeasurable(f"labels and scores must be two lists of one length, not {y.shape} and {s.shape}")
    if not y.size:
        raise NotMeasurable("there are no scores to measure")
    if not np.isin(y, (0, 1)).all():
        raise NotMeasurable("labels must be 0 (real) or 1 (fake)")
    if not np.isfinite(s).all():
        raise NotMeasurable("scores must be finite numbers")
    if unit and (s.min() < 0 or s.max() > 1):
        raise NotMeasurable("scores must lie between 0 and 1")
    if y.min() == y.max():
        raise NotMeasurable(f"only {'fake' if y[0] else 'real'} media: a figure needs both classes")
    return y.astype(np.int64), s


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the area under the ROC curve: how often a fake scores above a real (ties count half)."""
    y, s = checked(labels, scores, unit=False)
    return float(sk.roc_auc_score(y, s))


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the average precision (step-wise area under the precision-recall curve); fake is positive."""
    y, s = checked(labels, scores, unit=False)
    return float(sk.average_precision_score(y, s))


def balanced_accuracy(labels: ArrayLike, scores: ArrayLike, threshold: float = 0.5) -> float:
    """Return the mean of true-positive and true-negative rate; a score at the threshold counts as fake."""
    y, s = checked(labels, scores, unit=False)
    return float(sk.balanced_accuracy_score(y, s >= threshold))


def tpr_at_fpr(labels: ArrayLike, scores: ArrayLike, limit: float) -> float:
    """Return the best true-positive rate of any threshold with a false-positive rate up to ``limit``.

    No interpolation: only thresholds that these scores really offer count, so the figure never flatters.
    """
    if not 0 <= limit <= 1:
        raise NotMeasurable(f"a false-positive limit lies between 0 and 1, not {limit}")
    y, s = checked(labels, scores, unit=False)
    fpr, tpr, _ = sk.roc_curve(y, s, drop_intermediate=False)
    return float(tpr[fpr <= limit].max())


def brier(labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the mean squared distance of probability and outcome (Brier 1950), optionally weighted."""
    y, p = checked(labels, probabilities)
    return float(np.average((p - y) ** 2, weights=_checked_weights(weights, y)))


def ece(
    labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None, bins: int = 10
) -> float:
    """Return the expected calibration error over equally wide bins (Naeini et al. 2015)."""
    curve = reliability(labels, probabilities, weights, bins)
    return float(np.sum(curve.share * np.abs(curve.predicted - curve.observed)))


@dataclass(frozen=True, slots=True)
class Reliability:
    """Per non-empty bin: mean predicted probability, observed share of fakes, share of all weight."""

    predicted: Floats
    observed: Floats
    share: Floats


def reliability(
    labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None, bins: int = 10
) -> Reliability:
    """Return the reliability curve over ``bins`` equally wide bins of [0, 1]."""
    if bins < 1:
        raise NotMeasurable(f"a reliability curve needs at least one bin, not {bins}")
    y, p = checked(labels, probabilities)
    w = _checked_weights(weights, y)
    index = np.minimum((p * bins).astype(int), bins - 1)
    total, predicted, observed = (
        np.bincount(index, weights=w * value, minlength=bins) for value in (np.ones_like(p), p, y)
    )
    filled = total > 0
    return Reliability(
        predicted[filled] / total[filled], observed[filled] / total[filled], total[filled] / total.sum()
    )


def _checked_weights(weights: ArrayLike | None, labels: Labels) -> Floats:
    if weights is None:
        return np.ones(labels.shape)
    w = np.asarray(weights, dtype=np.float64)
    if w.shape != labels.shape or not np.isfinite(w).all() or w.min() < 0 or w.sum() <= 0:
        raise NotMeasurable("weights must be finite, not negative, not all zero, one per score")
    return w


def clopper_pearson(errors: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact one-sided lower and upper confidence bound of a rate (Clopper and Pearson 1934).

    Each bound holds on its own with the given confidence (so both together with ``2 * confidence - 1``).
    """
    if trials < 1 or not 0 <= errors <= trials or not 0 < confidence < 1:
        raise NotMeasurable(f"no rate: {errors} of {trials} at confidence {confidence}")
    lower = stats.beta.ppf(1 - confidence, errors, trials - errors + 1) if errors else 0.0
    upper = stats.beta.ppf(confidence, errors + 1, trials - errors) if errors < trials else 1.0
    return float(lower), float(upper)
