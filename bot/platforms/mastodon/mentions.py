"""The bot's mentions behind a cursor, out of the notifications of its account.

A cursor is FLOOR, the id of the last notification that was seen. A server that keeps to `min_id` gives what
comes next behind it, oldest first. Some servers ignore it and give the newest page, so a full page is checked
for a gap below it. Where there is one, the cursor becomes FLOOR,TOP,BELOW: pages are read from BELOW down
to FLOOR, newest first, and when that is done TOP is the new floor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

import structlog

from bot.platforms.mastodon.client import Client
from bot.platforms.mastodon.fields import NotificationFields

_log = structlog.get_logger(__name__)
_CURSOR = re.compile(r"([\w-]+)(?:,([\w-]+),([\w-]+))?", re.ASCII)
MENTION = "mention"
BEGINNING = "0"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where reading has come to. ``below`` and ``top`` are set while a gap is read from its upper end."""

    floor: str
    top: str | None = None
    below: str | None = None

    @classmethod
    def read(cls, text: str) -> Self:
        """A cursor from its text; one that is none begins at the beginning."""
        match = _CURSOR.fullmatch(text)
        if match is None:
            _log.warning("a cursor that cannot be read: mentions are read from the beginning", cursor=text)
            return cls(BEGINNING)
        return cls(match[1], match[2], match[3])

    def __str__(self) -> str:
        return self.floor if self.below is None else f"{self.floor},{self.top},{self.below}"


@dataclass(frozen=True, slots=True)
class Batch:
    """Notifications, oldest first, where to go on, and whether there is more now."""

    notifications: tuple[NotificationFields, ...]
    cursor: Cursor
    more: bool


class MentionReader:
    """Reads notifications of the type `mention`, page by page."""

    def __init__(self, client: Client, page_size: int) -> None:
        self._client = client
        self._page_size = page_size

    def newest(self) -> Cursor:
        """A cursor behind everything that is there now."""
        found = self._ask(limit=1)
        return Cursor(found[-1].id if found else BEGINNING)

    def behind(self, cursor: Cursor) -> Batch:
        """The next notifications behind a cursor."""
        return self._upwards(cursor) if cursor.below is None else self._downwards(cursor, cursor.below)

    def _upwards(self, cursor: Cursor) -> Batch:
        found = self._ask(limit=self._page_size, min_id=cursor.floor)
        fresh = [each for each in found if is_newer(each.id, cursor.floor)]
        if not fresh:
            return Batch((), cursor, more=False)
        full = len(found) >= self._page_size
        if full and len(fresh) == len(found) and self._is_gap(cursor.floor, fresh[0].id):
            return Batch(tuple(fresh), Cursor(cursor.floor, fresh[-1].id, fresh[0].id), more=True)
        return Batch(tuple(fresh), Cursor(fresh[-1].id), more=full and len(fresh) == len(found))

    def _is_gap(self, floor: str, lowest: str) -> bool:
        return any(
            is_newer(each.id, floor) and is_newer(lowest, each.id)
            for each in self._ask(limit=1, max_id=lowest)
        )

    def _downwards(self, cursor: Cursor, below: str) -> Batch:
        found = self._ask(limit=self._page_size, max_id=below)
        lower = [each for each in found if is_newer(below, each.id)]
        fresh = [each for each in lower if is_newer(each.id, cursor.floor)]
        if fresh and len(fresh) == len(lower):
            return Batch(tuple(fresh), Cursor(cursor.floor, cursor.top, fresh[0].id), more=True)
        return Batch(tuple(fresh), Cursor(cursor.top or cursor.floor), more=False)

    def _ask(
        self, *, limit: int, min_id: str | None = None, max_id: str | None = None
    ) -> list[NotificationFields]:
        """One page, oldest first."""
        found = self._client.ask_list(
            "mentions",
            lambda mastodon: mastodon.notifications(
                types=[MENTION], limit=limit, min_id=min_id, max_id=max_id
            ),
            NotificationFields,
        )
        return sorted(found, key=lambda each: _order(each.id))


def is_newer(one: str, other: str) -> bool:
    """Whether an id was given later than another: numbers, ULIDs and flake ids all sort like this."""
    return _order(one) > _order(other)


def _order(found: str) -> tuple[int, str]:
    return len(found), found
