"""What the stand-in for X remembers: accounts, posts, media, and who may see what."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from bot.clock import Clock
from bot.platforms.text import http_urls, weighted

LONGEST_TEXT = 280
_EPOCH_MS = 1_288_834_974_657
_HANDLE = re.compile(r"@(\w{1,15})\b", re.ASCII)

Kind = Literal["photo", "video"]


class Refusal(Exception):
    """X does not do it: an HTTP status, the problem's type (its last part), X's words and headers."""

    def __init__(
        self, status: int, kind: str | None, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.headers = headers
        self.status = status
        self.kind = kind
        self.detail = detail


@dataclass(slots=True)
class Account:
    """Somebody. ``followers`` and ``blocked`` are ids."""

    id: str
    handle: str
    protected: bool = False
    followers: set[str] = field(default_factory=set)
    blocked: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Medium:
    """A picture or video; its key is X's name for it on a post."""

    id: str
    kind: Kind
    content: bytes
    mime: str
    alt_text: str | None = None

    @property
    def key(self) -> str:
        """X's name for it on a post."""
        return f"{3 if self.kind == 'photo' else 7}_{self.id}"


@dataclass(slots=True)
class Link:
    """A link in a post: ``short`` stands in the text, ``full`` is where it leads."""

    short: str
    full: str
    media_key: str | None = None


@dataclass(slots=True)
class Tweet:
    """A post. ``written`` is what its author typed; X shows handles before it and shortens links in it."""

    id: str
    author: Account
    created_at: datetime
    written: str
    handles: tuple[str, ...]
    language: str
    media: tuple[Medium, ...]
    parent_id: str | None
    quoted_id: str | None
    links: tuple[Link, ...]
    conversation_id: str
    sensitive: bool = False
    deleted: bool = False

    @property
    def shown_from(self) -> int:
        """Where the text begins that people see."""
        return sum(len(handle) + 2 for handle in self.handles)

    @property
    def text(self) -> str:
        """The text as the API gives it."""
        text = "".join(f"@{handle} " for handle in self.handles) + html.escape(self.written, quote=False)
        for link in self.links:
            if link.media_key is None:
                text = text.replace(html.escape(link.full, quote=False), link.short)
            else:
                text = f"{text} {link.short}".lstrip()
        return text

    def mentioned(self) -> set[str]:
        """Handles in it, in lower case."""
        return {handle.lower() for handle in (*self.handles, *_HANDLE.findall(self.written))}


class XState:
    """The network. Safe to use from several threads; every moment is the clock's."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.accounts: dict[str, Account] = {}
        self.tweets: dict[str, Tweet] = {}
        self.media: dict[str, Medium] = {}
        self._guard = threading.RLock()
        self._last_id = 0

    def account(self, handle: str) -> Account:
        """The account of that handle, made if it is new."""
        with self._guard:
            for account in self.accounts.values():
                if account.handle.lower() == handle.lower():
                    return account
            made = Account(self._new_id(), handle)
            self.accounts[made.id] = made
            return made

    def add_medium(self, content: bytes, mime: str, alt_text: str | None = None) -> Medium:
        """Keep a file that is not on a post yet."""
        with self._guard:
            kind: Kind = "video" if mime.startswith("video/") else "photo"
            medium = Medium(self._new_id(), kind, content, mime, alt_text)
            self.media[medium.id] = medium
            return medium

    def post(
        self,
        author: Account,
        text: str,
        *,
        parent_id: str | None = None,
        quoted_id: str | None = None,
        media: Sequence[Medium] = (),
        language: str = "en",
        sensitive: bool = False,
    ) -> Tweet:
        """Post something; the rules are X's.

        Raises:
            Refusal: too long, a repetition, or a parent that is not there for its author.
        """
        with self._guard:
            if weighted(text) > LONGEST_TEXT:
                raise Refusal(403, None, "Your Tweet text is too long.")
            handles = self._leading(author, parent_id) if parent_id is not None else ()
            if any(self._repeats(each, author, text, parent_id) for each in self.tweets.values()):
                raise Refusal(403, None, "You are not allowed to create a Tweet with duplicate content.")
            new = self._new_id()
            links = [
                Link(f"https://t.co/{new[-6:]}{place}", url) for place, url in enumerate(http_urls(text))
            ]
            if quoted_id is not None:
                quoted = self.tweets[quoted_id]
                shown = f"https://twitter.com/{quoted.author.handle}/status/{quoted.id}"
                links.append(Link(f"https://t.co/{new[-6:]}q", shown))
                text = f"{text} {shown}".lstrip()
            if media:
                shown = f"https://twitter.com/{author.handle}/status/{new}/photo/1"
                links.append(Link(f"https://t.co/{new[-6:]}m", shown, media[0].key))
            thread = self.tweets[parent_id].conversation_id if parent_id in self.tweets else new
            made = Tweet(
                new, author, self._moment(), text, handles, language, tuple(media), parent_id, quoted_id,
                tuple(links), thread, sensitive,
            )  # fmt: skip
            self.tweets[new] = made
            return made

    def delete(self, tweet_id: str) -> None:
        """Delete a post; one that is not there is fine."""
        with self._guard:
            if tweet_id in self.tweets:
                self.tweets[tweet_id].deleted = True

    def hidden(self, tweet: Tweet, viewer: Account | None) -> bool:
        """Whether a post that stands cannot be seen: its author is protected, or blocks the viewer."""
        author = tweet.author
        if viewer is None:
            return author.protected
        followed = viewer.id in author.followers or viewer.id == author.id
        return viewer.id in author.blocked or (author.protected and not followed)

    def mentions_of(self, account: Account) -> Iterator[Tweet]:
        """Every post that mentions the account, also deleted ones, newest first."""
        wanted = account.handle.lower()
        with self._guard:
            found = [each for each in self.tweets.values() if wanted in each.mentioned()]
        return (each for each in reversed(found) if each.author.id != account.id)

    def posts_of(self, account: Account) -> Iterator[Tweet]:
        """Every post of the account, also deleted ones, newest first."""
        with self._guard:
            found = [each for each in self.tweets.values() if each.author.id == account.id]
        return reversed(found)

    def _leading(self, author: Account, parent_id: str) -> tuple[str, ...]:
        """The handles that X puts before a reply: the parent's author, and everybody whom it mentions."""
        parent = self.tweets.get(parent_id)
        if parent is None:
            raise Refusal(400, "invalid-request", "Your reply tweet ID is invalid.")
        if parent.deleted or self.hidden(parent, author):
            raise Refusal(
                403, None, "You attempted to reply to a Tweet that is deleted or not visible to you."
            )
        others = [parent.author.handle, *parent.handles, *_HANDLE.findall(parent.written)]
        unique = {handle.lower(): handle for handle in reversed(others)}
        unique.pop(author.handle.lower(), None)
        return tuple(reversed(unique.values()))

    @staticmethod
    def _repeats(standing: Tweet, author: Account, text: str, parent_id: str | None) -> bool:
        return (
            bool(text)
            and not standing.deleted
            and (standing.author.id, standing.written, standing.parent_id) == (author.id, text, parent_id)
        )

    def _new_id(self) -> str:
        """Ids as X makes them: milliseconds and a running number, always greater than the last."""
        milliseconds = int(self.clock.now().timestamp() * 1000) - _EPOCH_MS
        self._last_id = max(milliseconds << 22, self._last_id + 1)
        return str(self._last_id)

    def _moment(self) -> datetime:
        """When a post is made: in whole milliseconds, and no two in the same."""
        now = self.clock.now()
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        latest = max((each.created_at for each in self.tweets.values()), default=None)
        return now if latest is None or now > latest else latest + timedelta(milliseconds=1)
