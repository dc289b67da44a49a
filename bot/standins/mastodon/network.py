"""What the stand-in keeps: accounts, statuses, media, notifications, apps and tokens, all in memory."""

from __future__ import annotations

import itertools
import re
import secrets
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.clock import Clock, SystemClock

KEYS_LAST = timedelta(hours=1)
MAX_CHARACTERS = 500
MAX_PICTURE = 16 * 2**20
SCOPES = (
    "read:accounts",
    "read:notifications",
    "read:statuses",
    "write:media",
    "write:statuses",
)

_HANDLE = re.compile(r"(?<![=/\w])@(\w+(?:[\w.-]+\w)?(?:@[\w.-]+\w)?)", re.ASCII)


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True)
class Member:
    """An account. ``handle`` has a domain where it lives on another server."""

    id: str
    handle: str
    bot: bool = False


@dataclass(slots=True)
class Medium:
    """An uploaded file; ``looks_left`` requests find it still being worked on."""

    id: str
    owner_id: str
    content: bytes
    mime: str
    description: str | None
    looks_left: int = 0


@dataclass(slots=True)
class Status:
    """A status. ``hidden``: the HTTP status with which everybody but its author is refused."""

    id: str
    author_id: str
    text: str
    created_at: datetime
    visibility: str = "public"
    language: str | None = None
    parent_id: str | None = None
    quoted_id: str | None = None
    boosted_id: str | None = None
    media: tuple[str, ...] = ()
    mentioned: tuple[str, ...] = ()
    sensitive: bool = False
    hidden: int | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """Somebody is told that a status tags them."""

    id: str
    owner_id: str
    status_id: str
    created_at: datetime


@dataclass(slots=True)
class Quirks:
    """Ways in which other servers that speak this API differ from Mastodon."""

    ignores_min_id: bool = False
    ignores_keys: bool = False
    answers_what_is_gone: bool = False
    only_old_instance: bool = False


@dataclass(slots=True)
class App:
    """A registered client."""

    id: str
    secret: str
    name: str
    redirect: str
    scopes: frozenset[str]
    codes: dict[str, str] = field(default_factory=dict)
    """By code, the account that has agreed."""


@dataclass(frozen=True, slots=True)
class Token:
    """What an app may do for an account."""

    account_id: str
    scopes: frozenset[str]


class Network:
    """One instance and what it knows of others. Safe to use from any thread."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.quirks = Quirks()
        self.max_characters = MAX_CHARACTERS
        self.looks_until_ready = 0
        """How often a new upload is looked for before it is ready."""
        self.members: dict[str, Member] = {}
        self.statuses: dict[str, Status] = {}
        self.media: dict[str, Medium] = {}
        self.notifications: list[Notification] = []
        self.apps: dict[str, App] = {}
        self.tokens: dict[str, Token] = {}
        self.listeners: list[tuple[str, deque[str]]] = []
        """By account, where the ids of its new notifications go."""
        self.guard = threading.RLock()
        self._keys: dict[tuple[str, str], tuple[str, datetime]] = {}
        self._numbers = itertools.count(1)

    # -- people ------------------------------------------------------------------------------------------

    def join(self, handle: str, *, bot: bool = False) -> Member:
        """A new account."""
        with self.guard:
            member = Member(self._number(), handle, bot)
            self.members[member.id] = member
            return member

    def member(self, handle: str) -> Member | None:
        """An account by its handle."""
        return next((m for m in self.members.values() if m.handle.lower() == handle.lower()), None)

    def grant(self, member: Member, scopes: Iterable[str] = SCOPES) -> str:
        """A new access token."""
        token = secrets.token_urlsafe(24)
        self.tokens[token] = Token(member.id, frozenset(scopes))
        return token

    # -- posts -------------------------------------------------------------------------------------------

    def upload(
        self, owner: Member, content: bytes, mime: str = "image/png", description: str | None = None
    ) -> Medium:
        """Keep a file that is still to be attached."""
        if len(content) > MAX_PICTURE:
            raise Refused(422, f"Validation failed: File must be less than {MAX_PICTURE // 2**20} MB")
        with self.guard:
            medium = Medium(self._number(), owner.id, content, mime, description, self.looks_until_ready)
            self.media[medium.id] = medium
            return medium

    def post(
        self,
        author: Member,
        text: str,
        *,
        visibility: str = "public",
        language: str | None = None,
        parent_id: str | None = None,
        quoted_id: str | None = None,
        boosted_id: str | None = None,
        media: tuple[str, ...] = (),
        sensitive: bool = False,
        key: str | None = None,
    ) -> Status:
        """Post, and tell whoever is tagged; the same key within an hour gives what stands already.

        Raises:
            Refused: as Mastodon refuses it.
        """
        with self.guard:
            standing = self._standing(author, key)
            if standing is not None:
                return standing
            if parent_id is not None and self._may_see(parent_id, author) is None:
                if not self.quirks.answers_what_is_gone:
                    raise Refused(404, "The post you are trying to reply to does not appear to exist.")
                parent_id = None
            self._check(author, text, media)
            mentioned = [m for m in map(self.member, _HANDLE.findall(text)) if m is not None]
            status = Status(
                self._number(),
                author.id,
                text,
                self.clock.now(),
                visibility,
                language,
                parent_id,
                quoted_id,
                boosted_id,
                media,
                tuple(dict.fromkeys(m.id for m in mentioned if m.id != author.id)),
                sensitive,
            )
            self.statuses[status.id] = status
            if key is not None:
                self._keys[author.id, key] = status.id, status.created_at
            for member_id in status.mentioned:
                self._tell(member_id, status)
            return status

    def fetch(self, status_id: str, viewer: Member | None) -> Status:
        """A status that the viewer may see.

        Raises:
            Refused: there is none.
        """
        status = self._may_see(status_id, viewer)
        if status is not None:
            return status
        hidden = self.statuses.get(status_id)
        code = (hidden.hidden if hidden else None) or 404
        raise Refused(code, "Record not found" if code == 404 else "This action is not allowed")

    def delete(self, status_id: str) -> None:
        """Delete a status, and what told of it."""
        with self.guard:
            self.statuses.pop(status_id, None)
            self.notifications = [each for each in self.notifications if each.status_id != status_id]

    def hide(self, status_id: str, code: int = 404) -> None:
        """From now on only its author sees it. Mastodon says 404; other servers say 401 or 403."""
        self.statuses[status_id].hidden = code

    def author(self, status: Status) -> Member:
        """Who posted it."""
        return self.members[status.author_id]

    def _may_see(self, status_id: str, viewer: Member | None) -> Status | None:
        status = self.statuses.get(status_id)
        if status is None:
            return None
        concerned = viewer is not None and viewer.id in {status.author_id, *status.mentioned}
        if status.hidden is not None:
            return status if viewer is not None and viewer.id == status.author_id else None
        return status if concerned or status.visibility in {"public", "unlisted"} else None

    def _standing(self, author: Member, key: str | None) -> Status | None:
        if key is None or self.quirks.ignores_keys:
            return None
        status_id, at = self._keys.get((author.id, key), ("", self.clock.now()))
        return self.statuses.get(status_id) if self.clock.now() - at < KEYS_LAST else None

    def _check(self, author: Member, text: str, media: tuple[str, ...]) -> None:
        from bot.platforms.mastodon.length import status_length

        if not text.strip() and not media:
            raise Refused(422, "Validation failed: Text can't be blank")
        if status_length(text, 23) > self.max_characters:
            raise Refused(422, f"Validation failed: Text character limit of {self.max_characters} exceeded")
        for each in media:
            medium = self.media.get(each)
            if medium is None or medium.owner_id != author.id:
                raise Refused(422, "Validation failed: the media were not found")
            if medium.looks_left:
                raise Refused(
                    422, "Cannot attach files that have not finished processing. Try again in a moment!"
                )

    def _tell(self, member_id: str, status: Status) -> None:
        made = Notification(self._number(), member_id, status.id, self.clock.now())
        self.notifications.append(made)
        for owner_id, waiting in self.listeners:
            if owner_id == member_id:
                waiting.append(made.id)

    def _number(self) -> str:
        return str(next(self._numbers))
