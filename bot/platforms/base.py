"""The protocol that every platform implements, and the plain values that travel through it.

Ids are opaque strings: never compare, sort or count on their digits. Order comes from `created_at`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody on a platform. ``handle`` is without the leading @."""

    id: str
    handle: str
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """One medium on a post, as the platform names it. ``url`` is http(s), or file: on `inbox`.

    ``sensitive``: its author or the platform has marked it as nothing for everybody, such as nudity or gore.
    """

    url: str
    mime: str | None = None
    alt_text: str | None = None
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Post:
    """One post. ``created_at`` is timezone-aware. ``links`` are the URLs in its text, expanded.

    ``addressed`` is False for a mention whose author did not write the bot's handle: the platform's client
    put it there, as in a reply within a thread that the bot has come into. ``thread_id`` names the thread
    where the platform has a name for it.
    """

    id: str
    author: Account
    created_at: datetime
    text: str = ""
    url: str | None = None
    language: str | None = None
    attachments: tuple[Attachment, ...] = ()
    links: tuple[str, ...] = ()
    parent_id: str | None = None
    quoted_id: str | None = None
    boosted_id: str | None = None
    addressed: bool = True
    thread_id: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some mentions (each is the post that tags the bot) and where to go on.

    ``cursor`` is an opaque token that resumes right behind this page: it may be stored as soon as the page
    is, and a process that dies and starts again from it misses nothing. A platform that lists newest first
    puts into it what it needs for that (the floor, the top and the page it has come to). ``more`` says that
    another page is waiting now.
    """

    mentions: tuple[Post, ...]
    cursor: str
    more: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """A reply to be posted. ``key`` is its idempotency key: the same key never makes a second reply."""

    in_reply_to: str
    text: str
    language: str
    key: str
    image: Path | None = None
    image_alt_text: str | None = None


@dataclass(frozen=True, slots=True)
class SentReply:
    """A reply as it stands on the platform."""

    id: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What the platform allows: least seconds between two reads or two replies, mentions a page."""

    min_poll_interval: float
    min_reply_interval: float
    page_size: int


@dataclass(frozen=True, slots=True)
class TextRules:
    """How a reply's text is limited. ``measure`` counts as the platform counts (weighted, graphemes ...)."""

    max_length: int
    measure: Callable[[str], int]
    max_bytes: int | None = None

    def fits(self, text: str) -> bool:
        """Whether the platform would take this text."""
        if self.max_bytes is not None and len(text.encode()) > self.max_bytes:
            return False
        return self.measure(text) <= self.max_length


class Platform(Protocol):
    """One social network. Every call has a time-out and raises only `bot.errors.PlatformError`s."""

    name: str
    limits: Limits
    file_root: Path | None
    """The folder that this platform's `file:` attachments must lie in; None where it has none."""

    @property
    def text_rules(self) -> TextRules:
        """How a reply is limited; may change once the platform was asked."""

    def me(self) -> Account:
        """The bot's own account."""

    def cursor_at_now(self) -> str:
        """A cursor behind every mention that exists now (the first start begins here)."""

    def cursor_at_start(self) -> str:
        """A cursor before every mention that the platform still lists."""

    def mentions(self, cursor: str) -> Page:
        """The next page of mentions behind the cursor.

        Raises:
            RateLimited, PlatformUnavailable: try again later, from the same cursor.
        """

    def fetch_post(self, post_id: str) -> Post:
        """One post by its id.

        Raises:
            PostGone: deleted, or never existed. PostHidden: protected, or its author blocks the bot.
        """

    def reply(self, draft: Draft) -> SentReply:
        """Post a reply; the same ``draft.key`` again returns the reply that already stands.

        Raises:
            PostGone, PostHidden: there is nothing (left) to reply to.
            ReplyRefused: the platform will never take this text.
            OutcomeUnknown: the request may or may not have taken effect; ask `find_reply` before any retry.
        """

    def find_reply(self, draft: Draft) -> SentReply | None:
        """The bot's own reply that this draft has already become, if any."""

    def retract(self, reply_id: str) -> None:
        """Take back one of the bot's own replies (`SentReply.id`); one that no longer stands is fine.

        Raises:
            RateLimited, PlatformUnavailable: try again later; the same call again does no harm.
        """

    def close(self) -> None:
        """Release connections and files."""


@runtime_checkable
class Pushing(Protocol):
    """A platform that can tell at once that something is new: a stream beside the reading of pages.

    A stream only wakes the watcher, which then reads behind its cursor as ever: what a stream loses or tells
    twice changes nothing.
    """

    def listen(self, on_news: Callable[[], None], stopping: Event) -> None:
        """Hold one stream until it ends or ``stopping`` is set; call ``on_news`` when a mention may be there.

        Returns soon after ``stopping`` is set. The caller opens the next stream, with back-off.

        Raises:
            RateLimited, PlatformUnavailable, CredentialsRefused: there is no stream now.
        """
