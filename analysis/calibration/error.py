"""How true probabilities are to their word, and how far off perfectly calibrated ones would seem by chance.

A calibration error measured on few media is never zero: each bin's share of fakes strays from what was said
by the luck of the draw alone. A figure means something only beside the one that chance gives.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.ensemble.panels import CalibrationError
from detectors.metrics import Floats, checked

BINS = 10
_DRAWS = 500
_DECIMALS = 3  # probabilities that agree so far are one: the order within ties would tell folds apart


def calibration_error(
    labels: ArrayLike, probabilities: ArrayLike, media: ArrayLike, weights: Floats
) -> CalibrationError:
    """Measure probabilities.

    Args:
        labels: 0 (real) or 1 (fake).
        probabilities: of fake, one for each label.
        media: which rows are of one medium; in each draw they get their labels from one random number.
        weights: one for each row, not negative.

    Raises:
        NotMeasurable: see `metrics.checked`.
    """
    y, p = checked(labels, probabilities)
    p = p.round(_DECIMALS)
    _, medium = np.unique(np.asarray(media), return_inverse=True)
    bins = _equal_mass_bins(p, weights, BINS)
    rng = np.random.default_rng(0)
    drawn = [_error(rng.random(medium.max() + 1)[medium] < p, p, weights, bins) for _ in range(_DRAWS)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return CalibrationError(
        equal_mass=round(_error(y, p, weights, bins), 4),
        sweep=round(_sweep(y, p, weights), 4),
        chance=round(float(np.mean(drawn)), 4),
        chance_low=round(float(low), 4),
        chance_high=round(float(high), 4),
    )


def _equal_mass_bins(p: Floats, weights: Floats, count: int) -> NDArray[np.int64]:
    """The bin of each row, of about the same weight each; equal probabilities share one."""
    _, index = np.unique(p, return_inverse=True)
    mass = np.bincount(index, weights=weights)
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    return np.asarray(np.minimum((middle * count).astype(np.int64), count - 1)[index], dtype=np.int64)


def _error(y: ArrayLike, p: Floats, weights: Floats, bins: NDArray[np.int64]) -> float:
    apart = np.bincount(bins, weights=weights * (p - np.asarray(y, dtype=np.float64)))
    return float(np.abs(apart).sum() / weights.sum())


def _sweep(y: NDArray[np.int64], p: Floats, weights: Floats) -> float:
    best = _error(y, p, weights, np.zeros(len(p), dtype=np.int64))
    for count in range(2, len(np.unique(p)) + 1):
        bins = _equal_mass_bins(p, weights, count)
        mass = np.bincount(bins, weights=weights)
        filled = mass > 0
        shares = np.bincount(bins, weights=weights * y)[filled] / mass[filled]
        if (np.diff(shares) < 0).any():
            break
        best = _error(y, p, weights, bins)
    return best
