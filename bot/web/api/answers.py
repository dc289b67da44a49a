"""What the interface answers, field by field; the schema in its OpenAPI document is made from this."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from detectors.record import WeightsRecord
from state.model import AnalysisRow, EventRow, MentionRow, ReplyRow, ReviewRow
from state.triage_model import TriageMedium, TriageRow

Probability = Annotated[float, Field(ge=0, le=1)]


class _Answer(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Problem(BaseModel):
    """Why a request is refused (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class Medium(_Answer):
    """One medium of a post. ``reason``: why it could not be had or judged."""

    sha256: str | None
    mime: str | None
    kind: str | None
    deleted: bool
    reason: str | None
    band: str | None
    probability: Probability | None
    policy: str | None


class Mention(BaseModel):
    """Somebody tagged the bot. ``review``: the label that counts, or ``none``."""

    id: int
    platform: str
    state: str
    reason: str | None
    asker: str
    created_at: datetime
    seen_at: datetime
    language: str | None
    band: str | None
    probability: Probability | None
    reply: str
    review: str
    media: list[Medium]

    @classmethod
    def of(cls, row: TriageRow) -> Mention:
        """From a row of the queue."""
        return cls(
            id=row.mention_id,
            platform=row.platform,
            state=row.state.value,
            reason=row.reason,
            asker=row.asker,
            created_at=row.created_at,
            seen_at=row.seen_at,
            language=row.language or None,
            band=row.band,
            probability=row.probability,
            reply=row.reply,
            review=row.review,
            media=[_medium(medium) for medium in row.media],
        )


def _medium(row: TriageMedium) -> Medium:
    return Medium.model_validate(row)


class Mentions(BaseModel):
    """Mentions, the newest first, and the cursor of the next page, if there is one."""

    mentions: list[Mention]
    next: str | None


class Reply(_Answer):
    """What the bot posts in answer, in whatever state it is."""

    kind: str
    revision: int
    state: str
    text: str
    language: str
    band: str | None
    created_at: datetime
    sent_at: datetime | None
    url: str | None


class Event(_Answer):
    """Something that happened."""

    at: datetime
    name: str
    data: dict[str, Any]


class MentionInFull(Mention):
    """A mention with the post, every reply and its log."""

    url: str | None
    text: str
    replies: list[Reply]
    events: list[Event]

    @classmethod
    def whole(
        cls, row: TriageRow, mention: MentionRow, replies: list[ReplyRow], events: list[EventRow]
    ) -> MentionInFull:
        """From all its rows."""
        return cls(
            **Mention.of(row).model_dump(),
            url=mention.post.url,
            text=mention.post.text,
            replies=[Reply.model_validate(reply) for reply in replies],
            events=[Event(at=event.at, name=event.name, data=dict(event.data)) for event in events],
        )


class Score(_Answer):
    """One detector's output."""

    detector: str
    score: Probability | None
    applicable: bool
    reason: str | None


class Review(_Answer):
    """An operator's label."""

    label: str
    note: str
    reviewer: str
    created_at: datetime


class MediumInFull(BaseModel):
    """A medium with its latest analysis and the review that counts."""

    sha256: str
    kind: str | None
    analysed_at: datetime | None
    reason: str | None
    band: str | None
    probability: Probability | None
    policy: str | None
    calibration: str | None
    scores: list[Score]
    provenance: dict[str, Any]
    review: Review | None

    @classmethod
    def whole(cls, sha256: str, analysis: AnalysisRow | None, review: ReviewRow | None) -> MediumInFull:
        """From its rows; a medium that was not analysed yet has neither band nor scores."""
        verdict = analysis.verdict if analysis else None
        return cls(
            sha256=sha256,
            kind=analysis.kind if analysis else None,
            analysed_at=analysis.finished_at if analysis else None,
            reason=analysis.reason if analysis else None,
            band=verdict.band if verdict else None,
            probability=verdict.probability if verdict else None,
            policy=verdict.policy if verdict else None,
            calibration=verdict.calibration if verdict else None,
            scores=[Score.model_validate(score) for score in analysis.scores] if analysis else [],
            provenance=dict(analysis.provenance) if analysis else {},
            review=Review.model_validate(review) if review else None,
        )


class Figure(_Answer):
    """One measured figure with its interval, on so many media that the detector never saw.

    ``real`` and ``fake`` count frames where ``clips``, numbers of real and fake videos, is given: such a
    figure tells nothing of other videos.
    """

    protocol: str
    metric: str
    value: float
    low: float
    high: float
    real: int
    fake: int
    date: str
    clips: tuple[int, int] | None = None


class Detector(BaseModel):
    """A detector that takes part, and what its weights record says of it."""

    name: str
    title: str
    digest: str
    licence: str
    modalities: list[str]
    measured: list[Figure]

    @classmethod
    def of(cls, record: WeightsRecord) -> Detector:
        """From its weights record; ``digest`` changes whenever the record does."""
        return cls(
            name=record.name,
            title=record.title,
            digest=record.digest,
            licence=record.licence.weights,
            modalities=[modality.value for modality in record.modalities],
            measured=[Figure.model_validate(figure) for figure in record.measured],
        )


class Check(_Answer):
    """One thing that can be well or not; ``degraded``: well, but slow, for a reason that is not the bot's."""

    name: str
    ok: bool
    degraded: bool
    detail: str


class Health(BaseModel):
    """Whether the bot does its work now."""

    status: str
    checks: list[Check]
