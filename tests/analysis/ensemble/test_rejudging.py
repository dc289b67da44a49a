"""Bands from stored scores: as the policy would give them, but for what is known of the medium."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from analysis.ensemble import create_policy
from analysis.ensemble.reasons import ReasonCode, reason
from analysis.ensemble.rejudging import Rejudged, rejudged
from analysis.model import Band, Kind, Reason, Score, Verdict


@dataclass
class Fixed:
    """A policy that always gives one band, and remembers how much of the evidence it was let."""

    band: Band
    name: str = "fixed"
    fingerprint: str = "fixed"
    quality: float | None = None

    def judge(self, kind: Kind, scores: Sequence[Score], *, quality: float = 1.0) -> Verdict:
        self.quality = quality
        return Verdict(self.band, None, self.name, ())


def judge(policy: Fixed, band: Band, *reasons: Reason) -> Rejudged:
    return rejudged(policy, Kind.IMAGE, [Score("d", 0.5, applicable=True)], band, reasons)


def test_a_new_claim_is_unchecked_and_an_old_one_is_not() -> None:
    assert judge(Fixed(Band.HIGH), Band.UNCERTAIN) == Rejudged(Band.HIGH, unchecked=True)
    assert judge(Fixed(Band.HIGH), Band.HIGH) == Rejudged(Band.HIGH)
    assert judge(Fixed(Band.UNCERTAIN), Band.HIGH) == Rejudged(Band.UNCERTAIN)


@pytest.mark.parametrize("code", [ReasonCode.CREDENTIALS_CAMERA, ReasonCode.CREDENTIALS_GENERATED])
def test_what_credentials_decided_stays(code: ReasonCode) -> None:
    assert judge(Fixed(Band.UNCERTAIN), Band.TRUSTED, reason(code, "signed")).band is Band.TRUSTED


@pytest.mark.parametrize("claim", [Band.HIGH, Band.LOW])
def test_what_copies_refuted_stays_uncertain(claim: Band) -> None:
    flipped = reason(ReasonCode.REDELIVERY_FLIPS, "a smaller copy would get another verdict")
    assert judge(Fixed(claim), Band.UNCERTAIN, flipped) == Rejudged(Band.UNCERTAIN)


@pytest.mark.parametrize("quality", [1.0, 0.58, 0.05, 0.0])
def test_the_state_of_the_medium_counts_as_it_did(quality: float) -> None:
    said = create_policy("calibrated").judge(
        Kind.IMAGE, [Score("veritag_image", 0.9, applicable=True)], quality=quality
    )
    policy = Fixed(Band.UNCERTAIN)
    judge(policy, Band.UNCERTAIN, *said.reasons)
    assert policy.quality == quality


def test_the_shipped_policy_says_the_same_again() -> None:
    policy = create_policy("calibrated")
    for number in range(101):
        scores = [Score("veritag_image", number / 100, applicable=True)]
        said = policy.judge(Kind.IMAGE, scores)
        assert rejudged(policy, Kind.IMAGE, scores, said.band, said.reasons) == Rejudged(said.band)
