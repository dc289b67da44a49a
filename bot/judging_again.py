"""What another policy would have made of the latest verdicts: bands before and after, from stored scores.

Nothing is judged by the networks again, and nothing is changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.ensemble.combine import ReviewLabel
from analysis.ensemble.rejudging import rejudged
from analysis.model import Band, Kind, Reason, Score

if TYPE_CHECKING:
    from analysis.ensemble.base import Policy
    from detectors.record import WeightsRecord
    from state.judged import JudgedMedium

REAL = {ReviewLabel.REAL.value}
FAKE = {ReviewLabel.FAKE.value, ReviewLabel.MANIPULATED.value}


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` of ``media``, with the exact one-sided 95 % bounds of the rate; None without media."""

    count: int
    media: int
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Errors:
    """How often reviewed reals were `high`, and reviewed fakes `low` and `high`."""

    false_alarms: Rate
    misses: Rate
    found: Rate


@dataclass(frozen=True, slots=True)
class Changed:
    """A medium that would get another band; ``unchecked``: the check of copies could take it back."""

    medium: JudgedMedium
    before: Band
    after: Band
    unchecked: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """The latest verdicts under two policies.

    ``matrix`` counts media by the band before and after. ``otherwise`` were given another band at the time
    than today's policy would give them. ``left_out`` have scores of weights that are no longer in use.
    """

    media: int
    matrix: Mapping[tuple[Band, Band], int]
    changed: tuple[Changed, ...]
    before: Errors
    after: Errors
    otherwise: int
    left_out: int


def compare(
    media: Sequence[JudgedMedium], before: Policy, after: Policy, records: Mapping[str, WeightsRecord]
) -> Comparison:
    """Judge the media again by both policies; ``records`` are of the weights in use, by detector."""
    digests = {name: record.digest for name, record in records.items()}
    comparable = [medium for medium in media if _by_these_weights(medium, digests)]
    matrix: Counter[tuple[Band, Band]] = Counter()
    changed: list[Changed] = []
    labelled: list[tuple[str | None, Band, Band]] = []
    otherwise = 0
    for medium in comparable:
        (old, _), (new, unchecked) = (_band(policy, medium) for policy in (before, after))
        matrix[old, new] += 1
        otherwise += old.value != medium.band
        labelled.append((medium.label, old, new))
        if old is not new:
            changed.append(Changed(medium, old, new, unchecked))
    return Comparison(
        len(comparable),
        matrix,
        tuple(changed),
        _errors([(label, old) for label, old, _ in labelled]),
        _errors([(label, new) for label, _, new in labelled]),
        otherwise,
        len(media) - len(comparable),
    )


def _by_these_weights(medium: JudgedMedium, digests: Mapping[str, str]) -> bool:
    return all(
        score.weights == digests[score.detector]
        for score in medium.scores
        if score.score is not None and score.detector in digests
    )


def _band(policy: Policy, medium: JudgedMedium) -> tuple[Band, bool]:
    scores = [
        Score(each.detector, each.score, each.score is not None, each.reason, weights=each.weights)
        for each in medium.scores
    ]
    reasons = [Reason(code, text) for code, text in medium.reasons]
    found = rejudged(policy, Kind(medium.kind), scores, Band(medium.band), reasons)
    return found.band, found.unchecked


def _errors(judged: Sequence[tuple[str | None, Band]]) -> Errors:
    reals = [band for label, band in judged if label in REAL]
    fakes = [band for label, band in judged if label in FAKE]
    return Errors(
        _rate(reals.count(Band.HIGH), len(reals)),
        _rate(fakes.count(Band.LOW), len(fakes)),
        _rate(fakes.count(Band.HIGH), len(fakes)),
    )


def _rate(count: int, media: int) -> Rate:
    from detectors.metrics import clopper_pearson

    return Rate(count, media, *(clopper_pearson(count, media) if media else (None, None)))
