"""Figures of whole bootstraps at once: the metrics of `detectors.metrics` under counts of how often each
medium was drawn (`detectors.resampling`).

Everywhere: ``labels`` ``(n,)`` are 0 (real) or 1 (fake), ``scores`` ``(n,)`` are greater for fakes, ``drawn``
``(resamples, n)`` are counts; the result is one value per resample, NaN where it cannot be measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.metrics import Floats, Labels
from detectors.resampling import Figure


@dataclass(frozen=True, slots=True)
class Sweep:
    """What lies at or above each distinct score, strictest first: counts ``(resamples, thresholds)``.

    ``fakes`` and ``reals`` ``(resamples, 1)`` are the numbers of all.
    """

    true_positives: Floats
    false_positives: Floats
    fakes: Floats
    reals: Floats

    @property
    def tpr(self) -> Floats:
        """Share of fakes at or above each score."""
        return self.true_positives / self.fakes

    @property
    def fpr(self) -> Floats:
        """Share of reals at or above each score."""
        return self.false_positives / self.reals


def sweep(labels: Labels, scores: Floats, drawn: Floats) -> Sweep:
    """Sweep the threshold over all distinct scores; tied scores are taken together."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    fakes = np.cumsum(drawn[:, order] * labels[order], axis=1)
    reals = np.cumsum(drawn[:, order] * (1 - labels[order]), axis=1)
    return Sweep(fakes[:, last], reals[:, last], fakes[:, -1:], reals[:, -1:])


def auc(labels: Labels, scores: Floats, drawn: Floats) -> Floats:
    """Area under the ROC curve."""
    found = sweep(labels, scores, drawn)
    zero = np.zeros((len(drawn), 1))
    area = np.trapezoid(np.hstack([zero, found.tpr]), np.hstack([zero, found.fpr]), axis=1)
    return np.asarray(area, dtype=np.float64)


def average_precision(labels: Labels, scores: Floats, drawn: Floats) -> Floats:
    """Average precision, step-wise; fake is positive."""
    found = sweep(labels, scores, drawn)
    taken = found.true_positives + found.false_positives
    precision = found.true_positives / np.maximum(taken, 1e-12)
    gained = np.diff(found.tpr, axis=1, prepend=0.0)
    return np.asarray((gained * precision).sum(axis=1), dtype=np.float64)


def recall_at(limit: float) -> Figure:
    """Best share of fakes found by any threshold that keeps the false alarms within ``limit``."""

    def figure(labels: Labels, scores: Floats, drawn: Floats) -> Floats:
        found = sweep(labels, scores, drawn)
        kept: Floats = np.where(found.fpr <= limit, found.tpr, 0.0).max(axis=1)
        return kept

    return figure


def flagged(threshold: float, label: int) -> Figure:
    """Share of the reals (``label`` 0: false alarms) or fakes (1: recall) at or above a threshold."""

    def figure(labels: Labels, scores: Floats, drawn: Floats) -> Floats:
        mine = drawn * (labels == label)
        share: Floats = (mine @ (scores >= threshold)) / mine.sum(axis=1)
        return share

    return figure


def balanced_accuracy(threshold: float = 0.5) -> Figure:
    """Mean of the shares of fakes at or above a threshold and of reals below it."""
    alarms, recall = flagged(threshold, 0), flagged(threshold, 1)

    def figure(labels: Labels, scores: Floats, drawn: Floats) -> Floats:
        return (recall(labels, scores, drawn) + 1 - alarms(labels, scores, drawn)) / 2

    return figure


def _balanced(labels: Labels, drawn: Floats) -> Floats:
    """Weights in which either class amounts to one half."""
    fakes = drawn * labels
    reals = drawn * (1 - labels)
    both = fakes / fakes.sum(axis=1, keepdims=True) + reals / reals.sum(axis=1, keepdims=True)
    return np.asarray(both / 2, dtype=np.float64)


def brier(labels: Labels, scores: Floats, drawn: Floats) -> Floats:
    """Mean squared distance of probability and outcome, classes balanced."""
    return np.asarray(_balanced(labels, drawn) @ (scores - labels) ** 2, dtype=np.float64)


def ece(labels: Labels, scores: Floats, drawn: Floats, bins: int = 10) -> Floats:
    """Expected calibration error over equally wide bins, classes balanced."""
    member = np.minimum((scores * bins).astype(int), bins - 1)
    inside = (member[:, None] == np.arange(bins)).astype(np.float64)
    gap = (_balanced(labels, drawn) * (scores - labels)) @ inside
    return np.asarray(np.abs(gap).sum(axis=1), dtype=np.float64)
