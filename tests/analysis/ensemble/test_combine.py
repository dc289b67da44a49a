"""Several media of one post, and a person's review."""

from __future__ import annotations

import pytest

from analysis.ensemble.combine import MediumOutcome, ReviewLabel, combine, reviewed
from analysis.model import Band, Kind, Reason, Verdict
from tests.analysis.ensemble.builders import codes


def outcome(index: int, band: Band | None, kind: Kind | None = Kind.IMAGE) -> MediumOutcome:
    if band is None:
        return MediumOutcome(index, kind, failure="corrupt")
    return MediumOutcome(index, kind, Verdict(band, None, "vote", ()))


@pytest.mark.parametrize(
    ("bands", "worst", "band"),
    [
        ([Band.LOW], 1, Band.LOW),
        ([Band.LOW, Band.HIGH, Band.UNCERTAIN], 2, Band.HIGH),
        ([Band.LOW, Band.UNCERTAIN], 2, Band.UNCERTAIN),
        ([Band.TRUSTED, Band.LOW], 2, Band.LOW),
        ([Band.UNKNOWN, Band.TRUSTED], 2, Band.TRUSTED),
        ([None, Band.LOW], 2, Band.LOW),
        ([Band.HIGH, Band.HIGH], 1, Band.HIGH),
        ([None, Band.UNKNOWN], 1, Band.UNKNOWN),
    ],
)
def test_the_worst_medium_decides(bands: list[Band | None], worst: int, band: Band) -> None:
    media = [outcome(index, of) for index, of in enumerate(bands, start=1)]
    post = combine(media[::-1])
    assert (post.band, post.worst.index) == (band, worst)
    assert [medium.index for medium in post.media] == list(range(1, len(bands) + 1))


def test_unjudged_media_stay_visible() -> None:
    media = [outcome(1, Band.LOW), outcome(2, None, kind=None), outcome(3, Band.UNKNOWN, Kind.AUDIO)]
    post = combine(media)
    assert post.band is Band.LOW
    assert [(medium.index, medium.kind, medium.failure) for medium in post.unjudged] == [
        (2, None, "corrupt"),
        (3, Kind.AUDIO, None),
    ]


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="without media"):
        combine([])
    with pytest.raises(ValueError, match="same index"):
        combine([outcome(1, Band.LOW), outcome(1, Band.HIGH)])
    with pytest.raises(ValueError, match="either a verdict or a failure"):
        MediumOutcome(1, Kind.IMAGE)
    with pytest.raises(ValueError, match="either a verdict or a failure"):
        MediumOutcome(1, Kind.IMAGE, Verdict(Band.LOW, None, "vote", ()), "corrupt")


BEFORE = Verdict(Band.UNCERTAIN, 0.6, "calibrated", (Reason("detector_signs", "a finds"),), "sets")


@pytest.mark.parametrize(
    ("label", "band"),
    [
        (ReviewLabel.REAL, Band.LOW),
        (ReviewLabel.FAKE, Band.HIGH),
        (ReviewLabel.MANIPULATED, Band.HIGH),
        (ReviewLabel.CANNOT_TELL, Band.UNCERTAIN),
    ],
)
def test_a_review_overrides(label: ReviewLabel, band: Band) -> None:
    after = reviewed(BEFORE, label)
    assert (after.band, after.probability, after.policy, after.calibration) == (band, None, "review", None)
    assert codes(after.reasons) == ["human_review"]
    assert ("the detectors alone: uncertain" in after.reasons[0].text) is (band is not Band.UNCERTAIN)


def test_satire_says_what_for_and_not_how_it_was_made() -> None:
    after = reviewed(BEFORE, ReviewLabel.SATIRE)
    assert (after.band, after.probability, after.policy) == (Band.UNCERTAIN, 0.6, "calibrated")
    assert codes(after.reasons) == ["human_review_satire", "detector_signs"]
