"""The bootstrap: intervals around measured figures, paired where several detectors judged the same media.

Instead of copying media, each resample is a vector of how often every medium was drawn. A *figure* takes
labels ``(n,)``, scores ``(n,)`` and such counts ``(resamples, n)``, and gives one value per resample; all
figures of one call see the same resamples, so that their differences are paired (Efron and Tibshirani 1993).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.errors import NotMeasurable
from detectors.metrics import Floats, Labels, checked

RESAMPLES = 1000
CONFIDENCE = 0.95
_CHUNK_VALUES = 4_000_000
"""Counts that are held at once: about 32 MB."""

Figure = Callable[[Labels, Floats, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the percentile interval around it."""

    value: float
    low: float
    high: float


def counts(
    labels: Labels, groups: Sequence[Any] | None = None, *, resamples: int = RESAMPLES, seed: int = 0
) -> Iterator[Floats]:
    """Draw resamples, in blocks ``(some, n)`` of how often each medium was drawn.

    Media of one group (clips of one video, say) are drawn together; without groups each medium is its own.
    Groups are drawn anew within those of reals, of fakes and of both, so that no resample lacks a class. The
    same seed gives the same resamples.

    Raises:
        NotMeasurable: a class in fewer than two groups, which says nothing of how groups differ.
    """
    member, count = _members(labels, groups)
    classes = np.zeros((2, count), dtype=bool)
    classes[labels, member] = True
    for label, word in ((0, "real"), (1, "fake")):
        if classes[label].sum() < 2:
            unit = "media" if groups is None else "groups of media"
            raise NotMeasurable(f"no interval: fewer than two {word} {unit}; add some")
    kinds = classes[0] + 2 * classes[1]
    strata = [np.flatnonzero(kinds == kind) for kind in np.unique(kinds)]
    # A stream of its own for each, so that the size of the blocks changes nothing.
    streams = [np.random.default_rng([seed, number]) for number in range(len(strata))]
    block = max(1, _CHUNK_VALUES // max(labels.size, 1))
    for start in range(0, resamples, block):
        drawn = np.zeros((min(block, resamples - start), count))
        for stratum, random in zip(strata, streams, strict=True):
            share = np.full(len(stratum), 1 / len(stratum))
            drawn[:, stratum] = random.multinomial(len(stratum), share, size=len(drawn))
        yield drawn[:, member]


def _members(labels: Labels, groups: Sequence[Any] | None) -> tuple[NDArray[np.int64], int]:
    if groups is None:
        return np.arange(labels.size), labels.size
    if len(groups) != labels.size:
        raise NotMeasurable(f"{len(groups)} groups for {labels.size} scores: give one per score")
    names, member = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    return member, len(names)


def spread(values: Floats, value: float, confidence: float = CONFIDENCE) -> Interval:
    """Return the percentile interval of resampled values around the figure itself (Efron 1979).

    Raises:
        NotMeasurable: more than half of the resamples could not be measured (are NaN).
    """
    found = values[np.isfinite(values)]
    if not np.isfinite(value) or len(found) * 2 <= len(values):
        raise NotMeasurable(f"no interval: {len(found)} of {len(values)} resamples gave a figure; add media")
    low, high = np.quantile(found, ((1 - confidence) / 2, (1 + confidence) / 2))
    return Interval(float(value), float(low), float(high))


def bootstrap(
    figure: Figure,
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Sequence[Any] | None = None,
    *,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> Interval:
    """Return one figure with its interval.

    Raises:
        NotMeasurable: the figure itself, or too many resamples, cannot be measured.
    """
    y, s = checked(labels, scores, unit=False)
    blocks = [figure(y, s, drawn) for drawn in counts(y, groups, resamples=resamples, seed=seed)]
    return spread(np.concatenate(blocks), float(figure(y, s, np.ones((1, y.size)))[0]), confidence)


def plain(metric: Callable[[Labels, Floats], float]) -> Figure:
    """Make a figure of a metric that knows of no counts; slow, and NaN where it cannot be measured."""

    def figure(labels: Labels, scores: Floats, drawn: Floats) -> Floats:
        values = np.full(len(drawn), np.nan)
        for row, times in enumerate(drawn.astype(np.int64)):
            try:
                values[row] = metric(np.repeat(labels, times), np.repeat(scores, times))
            except NotMeasurable:
                continue
        return values

    return figure
