"""The operators' queue as plain values: what is asked of it, and what it shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import isfinite

from state.model import MentionState, Mode


class Order(StrEnum):
    """How the queue is sorted. All but NEWEST leave out mentions that have no such figure."""

    NEWEST = "newest"
    DOUBT = "doubt"
    REACH = "reach"
    SPREAD = "spread"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which mentions are shown; an empty field filters nothing.

    ``spread``: the detectors lie at least this far apart, in [0, 1]. ``reach``: at least so many people asked
    about the same post, of which only the first mention is shown. ``since`` and ``until`` (not included) are
    about when the bot saw the mention, and aware. ``words`` must all occur, each at least as a beginning.
    ``replies`` and ``reviews`` know the value ``none``.
    """

    mode: Mode
    bands: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    replies: tuple[str, ...] = ()
    reviews: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    spread: float | None = None
    reach: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    words: str = ""
    order: Order = Order.NEWEST


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: the row's figure in the queue's order, and its mention.

    ``back``: what comes before it is wanted.
    """

    key: float
    mention_id: int
    back: bool = False

    def __str__(self) -> str:
        return f"{'before' if self.back else 'after'}_{self.key!r}_{self.mention_id}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """The cursor that was written so.

        Raises:
            ValueError: this is none.
        """
        way, key, mention_id = text.split("_")
        number = int(mention_id)
        if way not in {"before", "after"} or not isfinite(float(key)) or not 0 <= number < 1 << 63:
            raise ValueError(f"not a cursor: {text[:80]!r}")
        return cls(float(key), number, back=way == "before")


@dataclass(frozen=True, slots=True)
class TriageMedium:
    """One medium of the post in question. ``reason``: why it could not be had or judged.

    ``sensitive``: its author or its platform has marked it so.
    """

    sha256: str | None
    mime: str | None
    kind: str | None
    deleted: bool
    sensitive: bool
    reason: str | None
    alt_text: str | None
    band: str | None
    probability: float | None
    policy: str | None
    calibration: str | None


@dataclass(frozen=True, slots=True)
class TriageRow:
    """One mention in the queue; ``target_text`` and ``author`` are of the post in question, once known."""

    mention_id: int
    mode: str
    platform: str
    state: MentionState
    seen_at: datetime
    created_at: datetime
    language: str
    target_id: int | None
    band: str | None
    probability: float | None
    spread: float | None
    reply: str
    review: str
    reach: int | None
    reason: str | None
    asker: str
    text: str
    author: str | None
    target_text: str | None
    media: tuple[TriageMedium, ...]

    @property
    def is_open(self) -> bool:
        """Whether the bot has yet to do something about it."""
        return not self.state.final or self.reply in {"queued", "sending", "retracting"}


@dataclass(frozen=True, slots=True)
class TriagePage:
    """Some mentions, and where to go on from them in both directions."""

    rows: tuple[TriageRow, ...]
    newer: Cursor | None
    older: Cursor | None
