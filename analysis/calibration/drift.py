"""Drift: do the scores that media get here still look like those that the calibration was fitted on?

The share of fakes among what people ask about is unknown and no drift, so it is left free: the distance is
that between the scores seen here and the *nearest mixture* of the reals and fakes of the calibration set
(Kolmogorov and Smirnov's: the greatest gap between two cumulative distributions, 0 to 1). What remains is
what no share of fakes explains: other kinds of media, other compression, other generators.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.calibration.scores import ScoreTable, require_both_classes
from detectors.errors import NotMeasurable
from detectors.metrics import Floats

LEAST_MEDIA = 30
"""Of fewer media nothing is said."""
RESAMPLES = 400
_SHARES = np.linspace(0, 1, 51)
_GRID = np.linspace(0, 1, 201)


@dataclass(frozen=True, slots=True)
class Drift:
    """The distance in [0, 1] with its 95 % bootstrap interval, and the ``share`` of fakes of that mixture.

    ``chance`` is what 95 of 100 samples of ``media`` from the mixture itself stay below. ``real`` and
    ``fake`` media are in the calibration set.
    """

    distance: float
    low: float
    high: float
    chance: float
    share: float
    media: int
    real: int
    fake: int

    @property
    def drifted(self) -> bool:
        """Whether the distance is more than chance explains."""
        return self.distance > self.chance


def drift(reference: ScoreTable, seen: Floats, seed: int = 0) -> Drift:
    """Measure the drift of scores ``(n,)`` in [0, 1] from a detector's calibration set, as it was delivered.

    Raises:
        NotMeasurable: fewer than `LEAST_MEDIA` media were seen or are in the set, or it lacks a class.
    """
    as_is = reference.rows(reference.delivery == "as_is")
    whole = as_is if len(as_is) else reference
    require_both_classes(whole)
    real, fake = (whole.scores[whole.label == label, 0] for label in (0, 1))
    if len(seen) < LEAST_MEDIA:
        few = "1 medium is" if len(seen) == 1 else f"{len(seen)} media are"
        raise NotMeasurable(f"{few} too few; {LEAST_MEDIA} are needed")
    if len(real) + len(fake) < LEAST_MEDIA:
        raise NotMeasurable(
            f"the calibration set has {len(real) + len(fake)} media; {LEAST_MEDIA} are needed"
        )
    places = [_places(scores) for scores in (seen, real, fake)]
    distance, share = (float(found[0]) for found in _nearest(*(_cumulated(of[None]) for of in places)))
    rng = np.random.default_rng(seed)
    here, reals, fakes = (_drawn(rng, of, of.sum()) for of in places)
    low, high = np.quantile(_nearest(here, reals, fakes)[0], (0.025, 0.975))
    mixture = (1 - share) * places[1] / places[1].sum() + share * places[2] / places[2].sum()
    by_chance = _nearest(_drawn(rng, mixture, len(seen)), reals, fakes)[0]
    return Drift(
        distance=distance,
        # The bootstrap adds a second sampling error to the first, so its interval may lie above the distance.
        low=min(float(low), distance),
        high=float(high),
        chance=float(np.quantile(by_chance, 0.95)),
        share=share,
        media=len(seen),
        real=len(real),
        fake=len(fake),
    )


def _places(scores: Floats) -> Floats:
    """How many scores lie in each step of the grid."""
    steps = np.searchsorted(_GRID, np.clip(scores, 0, 1), side="left")
    return np.bincount(steps, minlength=len(_GRID)).astype(np.float64)


def _drawn(rng: np.random.Generator, places: Floats, size: float) -> Floats:
    """Cumulative shares of resamples, ``(resamples, grid)``."""
    counts: NDArray[np.int64] = rng.multinomial(int(size), places / places.sum(), size=RESAMPLES)
    return _cumulated(counts.astype(np.float64))


def _cumulated(places: Floats) -> Floats:
    sums = np.cumsum(places, axis=1)
    return np.asarray(sums / sums[:, -1:], dtype=np.float64)


def _nearest(seen: Floats, real: Floats, fake: Floats) -> tuple[Floats, Floats]:
    """Distance to the nearest mixture, and its share of fakes, one each per row."""
    gaps = np.stack(
        [np.abs(seen - ((1 - share) * real + share * fake)).max(axis=1) for share in _SHARES], axis=1
    )
    best = gaps.argmin(axis=1)
    return gaps[np.arange(len(gaps)), best], _SHARES[best]
