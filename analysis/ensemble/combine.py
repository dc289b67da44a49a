"""From the verdicts of single media to the answer for a post, and from a person's review to a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from analysis.ensemble.reasons import ReasonCode, reason
from analysis.model import Band, Kind, Verdict

REVIEW_POLICY = "review"


@dataclass(frozen=True, slots=True)
class MediumOutcome:
    """What became of one medium of a post.

    ``index`` counts from 1 in the post's order. Either ``verdict`` is there, or ``failure`` says by a stable
    code why there is none. ``kind`` is None where not even that was found out.
    """

    index: int
    kind: Kind | None
    verdict: Verdict | None = None
    failure: str | None = None

    def __post_init__(self) -> None:
        """Refuse an outcome that is both or neither."""
        if (self.verdict is None) == (self.failure is None):
            raise ValueError(f"medium {self.index}: give either a verdict or a failure")

    @property
    def band(self) -> Band:
        """The verdict's band; `unknown` for a failed medium."""
        return self.verdict.band if self.verdict else Band.UNKNOWN


@dataclass(frozen=True, slots=True)
class PostOutcome:
    """The answer for a whole post: the worst band, and every medium with its own.

    ``worst`` is the medium that decided (the first of several alike); ``unjudged`` are the media that failed
    or stayed `unknown`: an answer that passes over them would claim too much.
    """

    band: Band
    worst: MediumOutcome
    media: tuple[MediumOutcome, ...]

    @property
    def unjudged(self) -> tuple[MediumOutcome, ...]:
        """The media about which nothing can be said."""
        return tuple(medium for medium in self.media if medium.band is Band.UNKNOWN)


def combine(media: Sequence[MediumOutcome]) -> PostOutcome:
    """Combine a post's media by `Band.severity`.

    Raises:
        ValueError: no media, or two with one index.
    """
    if not media:
        raise ValueError("a post without media has no outcome to combine")
    if len({medium.index for medium in media}) < len(media):
        raise ValueError("two media of a post have the same index")
    in_order = tuple(sorted(media, key=lambda medium: medium.index))
    worst = max(in_order, key=lambda medium: medium.band.severity)
    return PostOutcome(worst.band, worst, in_order)


class ReviewLabel(StrEnum):
    """What a person who reviewed a medium found."""

    REAL = "real"
    FAKE = "fake"
    MANIPULATED = "manipulated"
    SATIRE = "satire"
    CANNOT_TELL = "cannot_tell"


_REVIEWED = {
    ReviewLabel.REAL: (Band.LOW, "a person reviewed this and found it to be real"),
    ReviewLabel.FAKE: (Band.HIGH, "a person reviewed this and found it to be generated"),
    ReviewLabel.MANIPULATED: (Band.HIGH, "a person reviewed this and found it to be manipulated"),
    ReviewLabel.CANNOT_TELL: (Band.UNCERTAIN, "a person reviewed this and could not tell"),
}


def reviewed(verdict: Verdict, label: ReviewLabel) -> Verdict:
    """Return the verdict that holds after a review; the detectors' own verdict goes in unchanged.

    A label that says how the medium was made replaces band and number. `satire` says what it was made *for*:
    the detectors' band stands, and the label is the first reason.
    """
    if label is ReviewLabel.SATIRE:
        text = "a person reviewed this and found it to be satire"
        first = reason(ReasonCode.HUMAN_REVIEW_SATIRE, text)
        return Verdict(
            verdict.band, verdict.probability, verdict.policy, (first, *verdict.reasons), verdict.calibration
        )
    band, text = _REVIEWED[label]
    before = "" if verdict.band is band else f" (the detectors alone: {verdict.band})"
    return Verdict(band, None, REVIEW_POLICY, (reason(ReasonCode.HUMAN_REVIEW, text + before),))
