"""What travels through the resolver: plain values, and the protocols of its parts.

Light on purpose: importing this module costs no HTTP client and no decoder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.limits import FetchLimits
from bot.resolver.page_text import decode_text
from bot.resolver.sniff import HEAD_BYTES, describe
from bot.resolver.tokens import Tokens
from bot.resolver.urls import Place, in_public

PAGE_BYTES = 5_000_000
"""The most that is read of a page or an API's answer."""


@dataclass(frozen=True, slots=True)
class Download:
    """How a medium's bytes are had where a plain GET of its URL is not the way. Never shown, never stored.

    ``url`` is the real address where it holds a key; ``headers`` go to its origin alone. ``selection`` is
    set for media that only the extractor can fetch: its own words for what to take (`Extractor.download`).
    """

    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    selection: str | None = None


@dataclass(frozen=True, slots=True)
class MediumRef:
    """One medium that a post or URL names, before its bytes are here.

    Everything but ``url`` is the site's claim, never trusted for a decision: ``kind`` is `image`, `video` or
    `audio`; ``width`` and ``height`` are in pixels, ``duration`` in seconds, ``size`` in bytes, ``bit_rate``
    in bits per second. ``audio`` is the sound of a video where it is a file of its own, ``thumbnail`` the URL
    of a still picture.
    """

    url: str
    kind: str | None = None
    mime: str | None = None
    alt_text: str | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    size: int | None = None
    bit_rate: int | None = None
    audio: MediumRef | None = None
    thumbnail: str | None = None
    download: Download | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Resolution:
    """The media of one URL, in the post's order.

    ``author`` is a handle without the leading @, ``posted_at`` is timezone-aware. ``site`` and ``route`` name
    who answered; the router fills them in.
    """

    canonical_url: str
    media: tuple[MediumRef, ...]
    author: str | None = None
    posted_at: datetime | None = None
    site: str = ""
    route: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One route that was tried for a URL: ``outcome`` is `media`, `skipped` or a `ResolveFailure`."""

    url: str
    site: str
    route: str
    outcome: str
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of a web server that is no medium: ``headers`` have lower-case names."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def text(self) -> str:
        """The body as text: by its charset where it names one that is known, else as UTF-8."""
        return decode_text(self.body, self.headers.get("content-type", ""))

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ResolveError: SITE_CHANGED if it is none (a web page in its place, say).
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            begins = describe(self.body[:HEAD_BYTES])
            detail = f"{in_public(self.url)} answers with {begins} where JSON was expected"
            raise ResolveError(ResolveFailure.SITE_CHANGED, detail) from None


@dataclass(frozen=True, slots=True)
class StoredMedium:
    """One medium in the store: ``size`` in bytes, ``mime`` as its bytes say."""

    sha256: str
    path: Path
    size: int
    mime: str


@dataclass(frozen=True, slots=True)
class Peek:
    """How the bytes at a URL begin: ``mime`` as they say, ``size`` in bytes where the server names it."""

    final_url: str
    mime: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that was fetched whole: ``size`` in bytes after decompression, ``mime`` as its bytes say."""

    path: Path
    final_url: str
    mime: str
    size: int
    sha256: str


class NamesMedium(Protocol):
    """Whatever has the URL of a medium: a `MediumRef`, or a platform's attachment."""

    @property
    def url(self) -> str:
        """Where the medium is: http(s), file:, or a local path."""


class Fetcher(Protocol):
    """The door to the network. Raises nothing but `bot.errors.ResolveError`."""

    @property
    def limits(self) -> FetchLimits:
        """The limits that every transfer keeps."""

    def close(self) -> None:
        """Give up every running fetch and take no more. Safe to call twice."""

    def peek(self, url: str) -> Peek:
        """Read only the beginning of what a URL answers with."""

    def download(self, url: str, into: Path, *, headers: Mapping[str, str] | None = None) -> Downloaded:
        """Fetch a medium into a new file; on any failure that file is gone again."""

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, max_bytes: int = PAGE_BYTES
    ) -> Answer:
        """A page or an API's answer, whatever its status below 500 but 429, which are errors here.

        Raises:
            ResolveError: TOO_LARGE over ``max_bytes``; otherwise as `download`.
        """

    def get_json(self, url: str, *, headers: Mapping[str, str] | None = None) -> Any:
        """The JSON that a URL answers with.

        Raises:
            ResolveError: SITE_CHANGED if it is none; for every status but 200 the reason that it means.
        """

    def post(self, url: str, content: bytes, *, headers: Mapping[str, str] | None = None) -> Answer:
        """As `get`, with a body; never tried twice, never sent on to another place."""

    def final_url(self, url: str) -> str:
        """Where a short link leads: behind its redirects, without reading what is there."""


class Extractor(Protocol):
    """yt-dlp, in a process of its own. Raises nothing but `bot.errors.ResolveError`."""

    def close(self) -> None:
        """End what is running and take no more. Safe to call twice."""

    def extract(self, url: str) -> Mapping[str, Any]:
        """What yt-dlp knows of a URL: the fields of its info.json that `bot.resolver.extracted` reads."""

    def download(self, url: str, selection: str, folder: Path) -> tuple[Path, ...]:
        """Fetch one medium into an empty folder: its file, or that of the pictures and that of the sound."""


class Access(Protocol):
    """What a route may use. There is one for each URL that is resolved."""

    @property
    def fetcher(self) -> Fetcher:
        """The way to the network."""

    @property
    def extractor(self) -> Extractor | None:
        """yt-dlp, where it may be used."""

    @property
    def tokens(self) -> Tokens:
        """Access tokens that are had with keys and run out."""

    def key(self, name: str) -> str:
        """The key of this name in the section [sites]; the route's record must say that it needs it."""

    def follow(self, url: str) -> Resolution:
        """The media of another URL that this one leads to (short links, shared posts), of whatever site.

        Raises:
            ResolveError: as any resolving; UNSUPPORTED where one leads to the next too many times.
        """


RunRoute = Callable[[Place, Access], Resolution]
"""Raises `ResolveError`. UNSUPPORTED: this is not for this site after all; SITE_CHANGED: the answer lacks
what it must have."""


class Site(Protocol):
    """One site; a module `bot.resolver.sites.NAME` has it as ``SITE``. Its record is in `sites.table`."""

    routes: Mapping[str, RunRoute]

    def matches(self, place: Place) -> bool:
        """Whether this site is worth asking, from the URL alone; its host is one of the record's."""
