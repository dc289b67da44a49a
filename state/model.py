"""The rows that other rooms see, as plain values. The tables behind them: `migrations/0001_initial.sql`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

Json = Mapping[str, Any]


class Mode(StrEnum):
    """Whether rows belong to real runs or to test mode."""

    LIVE = "live"
    TEST = "test"


class Step(StrEnum):
    """What a job does. The subject is a mention, for SEND and RETRACT a reply."""

    RESOLVE = "resolve"
    ANALYSE = "analyse"
    NOTICE = "notice"
    SEND = "send"
    RETRACT = "retract"

    @property
    def of_reply(self) -> bool:
        """Whether the subject is a reply."""
        return self in {Step.SEND, Step.RETRACT}


class MentionState(StrEnum):
    """Where a mention is; the last three are final."""

    SEEN = "seen"
    RESOLVED = "resolved"
    ANALYSED = "analysed"
    ANSWERED = "answered"
    IGNORED = "ignored"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether nothing more will be done."""
        return self in {MentionState.ANSWERED, MentionState.IGNORED, MentionState.FAILED}

    @property
    def under_way(self) -> bool:
        """Whether it is not known yet what to answer."""
        return self in {MentionState.SEEN, MentionState.RESOLVED}


class ReplyState(StrEnum):
    """Where a reply is. SENDING: a request may have left. RETRACTING: it still stands, and shall not."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    RETRACTING = "retracting"
    RETRACTED = "retracted"


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed step; finishing it needs the same ``lease`` that claimed it.

    ``afresh``: nothing that was fetched or judged before counts as its result.
    """

    id: int
    platform: str
    step: Step
    subject_id: int
    lease: str
    attempts: int
    interruptions: int
    afresh: bool = False


@dataclass(frozen=True, slots=True)
class PostRow:
    """One row of `posts`. ``attachments`` is a list of JSON objects, in order."""

    platform: str
    platform_id: str
    author_id: str
    author_handle: str
    author_is_bot: bool
    created_at: datetime
    text: str = ""
    language: str | None = None
    url: str | None = None
    attachments: tuple[Json, ...] = ()
    links: tuple[str, ...] = ()
    parent_id: str | None = None
    quoted_id: str | None = None
    boosted_id: str | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class NewMention:
    """A mention to be stored; ``ignore`` is the reason to close it at once.

    ``language`` and ``details`` are what was asked for; ``thread`` where the platform named it.
    """

    post: PostRow
    ignore: str | None = None
    language: str | None = None
    details: bool = False
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class MentionRow:
    """One row of `mentions` with its asker and the post that tags the bot.

    ``language`` was asked for, and so were ``details``. ``thread`` is known once the mention is resolved.
    """

    id: int
    platform: str
    asker_id: int
    asker_handle: str
    post: PostRow
    target_id: int | None
    created_at: datetime
    seen_at: datetime
    state: MentionState
    reason: str | None
    detail: str | None
    band: str | None
    language: str | None
    details: bool
    thread: str | None


@dataclass(frozen=True, slots=True)
class PostMedium:
    """One medium of a post: a file that is on this machine (no ``reason``), or the reason why not.

    ``sensitive``: its author or its platform has marked it so.
    """

    source_url: str
    alt_text: str | None = None
    sha256: str | None = None
    mime: str | None = None
    size: int | None = None
    reason: str | None = None
    detail: str | None = None
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One row of `scores`."""

    detector: str
    score: float | None
    applicable: bool
    reason: str | None
    evidence: Json = field(default_factory=dict)
    weights: str | None = None


@dataclass(frozen=True, slots=True)
class ReviewedScore:
    """A detector's score of a reviewed medium, with the review that counts; ``platform`` had it first."""

    sha256: str
    kind: str
    platform: str
    label: str
    detector: str
    weights: str | None
    score: float


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """One row of `verdicts`; ``reasons`` are JSON objects {code, text}."""

    band: str
    probability: float | None
    policy: str
    reasons: tuple[Json, ...]
    calibration: str | None


@dataclass(frozen=True, slots=True)
class LikenessRow:
    """One row of `likenesses` with its ``pieces``: integers below 2^63 that near copies share some of."""

    pieces: tuple[int, ...]
    sketch: bytes


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """A medium that another one may be a near copy of; its ``sketch`` will tell."""

    sha256: str
    sketch: bytes


@dataclass(frozen=True, slots=True)
class AnalysisRow:
    """One row of `analyses` with its scores and verdict, or with the reason why there is none.

    ``copy_of`` is the SHA-256 of the medium whose analysis answered for this one, a near copy. ``likeness``
    is stored with an analysis and not read back.
    """

    sha256: str
    fingerprint: str
    kind: str | None = None
    probe: Json = field(default_factory=dict)
    timing: Mapping[str, float] = field(default_factory=dict)
    scores: tuple[ScoreRow, ...] = ()
    verdict: VerdictRow | None = None
    reason: str | None = None
    detail: str | None = None
    finished_at: datetime | None = None
    provenance: Json = field(default_factory=dict)
    copy_of: str | None = None
    likeness: LikenessRow | None = None


@dataclass(frozen=True, slots=True)
class PastAnalysis:
    """What an engine once said of a medium: a band, or the ``reason`` why there is none."""

    finished_at: datetime
    fingerprint: str
    band: str | None
    probability: float | None
    policy: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class NewReply:
    """A reply to be queued. ``key`` is derived from mention, kind and revision by the outbox."""

    mention_id: int
    kind: str
    in_reply_to: str
    text: str
    language: str
    wording: str
    band: str | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True)
class ReplyRow:
    """One row of `replies`."""

    id: int
    mention_id: int
    kind: str
    revision: int
    key: str
    state: ReplyState
    in_reply_to: str
    text: str
    language: str
    wording: str
    band: str | None
    created_at: datetime
    sent_at: datetime | None
    platform_id: str | None
    url: str | None
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One row of `reviews`."""

    label: str
    note: str
    reviewer: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class EventRow:
    """One row of `events`."""

    at: datetime
    name: str
    mention_id: int | None
    data: Json


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One row of `accounts`; ``password`` is a hash, None for one who signs in elsewhere, as ``subject``."""

    id: int
    name: str
    role: str
    password: str | None = field(repr=False)
    subject: str | None
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row of `audit`: what an operator did."""

    id: int
    at: datetime
    mode: str
    actor: str
    action: str
    subject: str
    data: Json
    undone_by: int | None


def to_text(moment: datetime) -> str:
    """A moment as it stands in the tables; naive times are refused.

    Raises:
        ValueError: the time has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a stored time needs a time zone")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def to_moment(text: str) -> datetime:
    """A stored time as an aware datetime in UTC."""
    return datetime.fromisoformat(text)
