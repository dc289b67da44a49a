"""Where the reading of notifications has come to.

Bluesky lists notifications newest first, by the time that their authors claim (at most the time at which they
were indexed), and its own cursor is such a time. Hence two traps. A mention that is indexed late, or whose
author's clock is slow, appears *below* what was read already: so each sweep goes from the top down to a floor
that lies `OVERLAP` below the newest known notification, and what was seen in that overlap is remembered. And
of two mentions of the same millisecond the second is lost where a page ends between them: so the next page is
asked for one millisecond higher.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.errors import PlatformUnavailable
from bot.resolver.reading.payload import iso_time

OVERLAP = timedelta(minutes=15)
_ANCIENT = datetime(1970, 1, 1, tzinfo=UTC)
_FAR = datetime(9999, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One notification, as far as its place in the list goes."""

    uri: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Cursor:
    """``floor``: everything up to this time is done. ``seen``: what is done above it, by short hash.

    ``top`` and ``page`` belong to a sweep under way: the newest time that it found, and Bluesky's own cursor
    for the page that comes next. ``again``: a sweep of several pages, however long it took, has just come
    to its end, and what is on top now has yet to be looked at.
    """

    floor: datetime = _ANCIENT
    seen: Mapping[str, datetime] = field(default_factory=dict)
    top: datetime | None = None
    page: str | None = None
    again: bool = False

    @property
    def more(self) -> bool:
        """Whether there is something to be read now."""
        return self.page is not None or self.again

    @classmethod
    def below(cls, entries: Sequence[Entry], now: datetime) -> Cursor:
        """The start of a sweep through the overlap below the newest of these."""
        newest = max((entry.time for entry in entries), default=None)
        return cls() if newest is None else cls(min(newest, now) - OVERLAP)

    def is_new(self, entry: Entry) -> bool:
        """Whether this notification was not handed out yet."""
        return entry.time > self.floor and _short(entry.uri) not in self.seen

    def after(self, entries: Sequence[Entry], listed_next: str | None, now: datetime) -> Cursor:
        """The cursor behind a page that holds these; without ``page`` where the sweep has come to its end.

        ``listed_next`` is Bluesky's own cursor for what follows.
        """
        if self.again and not any(map(self.is_new, entries)):
            return Cursor(self.floor, self.seen)
        top = self.top or max((entry.time for entry in entries), default=self.floor)
        # A time from the future must not lift the floor above what is still to come.
        floor = max(self.floor, min(top, now) - OVERLAP)
        seen = {**self.seen, **{_short(entry.uri): entry.time for entry in entries}}
        if listed_next is None or any(entry.time <= self.floor for entry in entries):
            kept = {name: time for name, time in seen.items() if time > floor}
            return Cursor(floor, kept, again=self.page is not None)
        page, boundary = _higher(listed_next)
        if page == self.page:  # a page full of one millisecond
            page = listed_next
        # What lies between has been passed for good; what lies below is still to be met again.
        kept = {name: time for name, time in seen.items() if time > floor or time <= boundary}
        return Cursor(self.floor, kept, top, page)

    def cut_short(self) -> Cursor:
        """The cursor for a sweep that is given up: what lies below its top counts as done."""
        return Cursor(self.top or self.floor)

    def __str__(self) -> str:
        told = {
            "floor": _to_ms(self.floor),
            "seen": {name: _to_ms(time) for name, time in self.seen.items()},
            "top": None if self.top is None else _to_ms(self.top),
            "page": self.page,
            "again": self.again,
        }
        return json.dumps({name: value for name, value in told.items() if value}, separators=(",", ":"))


def parse(text: str) -> Cursor:
    """The cursor that this text stands for.

    Raises:
        PlatformUnavailable: it is none of this platform's.
    """
    try:
        told = json.loads(text)
        return Cursor(
            _from_ms(told.get("floor", 0)),
            {str(name): _from_ms(time) for name, time in told.get("seen", {}).items()},
            _from_ms(told["top"]) if "top" in told else None,
            told.get("page"),
            bool(told.get("again")),
        )
    except (ValueError, TypeError, AttributeError, OverflowError, OSError) as error:
        raise PlatformUnavailable(f"{text[:80]!r} is no cursor of bluesky; clear the stored one") from error


def _higher(listed: str) -> tuple[str, datetime]:
    """Bluesky's cursor, one millisecond higher, and its time; as it is where it is no time."""
    time = iso_time(listed)
    if time is None:
        return listed, _FAR
    raised = (time + _MILLISECOND).astimezone(UTC).isoformat(timespec="milliseconds")
    return raised.replace("+00:00", "Z"), time


def _short(uri: str) -> str:
    return hashlib.blake2b(uri.encode(), digest_size=6).hexdigest()


def _to_ms(time: datetime) -> int:
    return round(time.timestamp() * 1000)


def _from_ms(number: float) -> datetime:
    return datetime.fromtimestamp(number / 1000, UTC)
