"""Judging again from what is on record: which band would stored scores get under another policy?

No medium is opened and no network runs. Three things are taken from the earlier verdict as they were: what
the medium's state cost (to the percent, as its reason says), credentials that decided, and the check of
copies where it refuted a claim. A claim that is new was never checked so, and says it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.ensemble.base import Policy
from analysis.ensemble.reasons import ReasonCode
from analysis.model import Band, Kind, Reason, Score

_DECIDED = {ReasonCode.CREDENTIALS_CAMERA, ReasonCode.CREDENTIALS_GENERATED}
_CLAIMS = {Band.HIGH, Band.LOW}
_PERCENT = re.compile(r"\b(\d{1,3})%")


@dataclass(frozen=True, slots=True)
class Rejudged:
    """A band; ``unchecked``: it is a claim that the check of copies could still take back."""

    band: Band
    unchecked: bool = False


def rejudged(
    policy: Policy, kind: Kind, scores: Sequence[Score], band: Band, reasons: Sequence[Reason]
) -> Rejudged:
    """Return the band under a policy; ``band`` and ``reasons`` are those of the verdict that was given."""
    codes = {item.code for item in reasons}
    if not codes.isdisjoint(_DECIDED):
        return Rejudged(band)
    found = policy.judge(kind, scores, quality=_quality(reasons)).band
    if found not in _CLAIMS:
        return Rejudged(found)
    if ReasonCode.REDELIVERY_FLIPS in codes:
        return Rejudged(Band.UNCERTAIN)
    return Rejudged(found, unchecked=found is not band)


def _quality(reasons: Sequence[Reason]) -> float:
    """How much of the evidence counted, by the reason that told it; 1 where none does."""
    told = next((item.text for item in reasons if item.code == ReasonCode.LOW_QUALITY), None)
    if told is None:
        return 1.0
    percent = _PERCENT.search(told)
    return min(1.0, int(percent[1]) / 100) if percent else 0.0  # `quality_reason` says "none" instead of 0 %
