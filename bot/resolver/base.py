"""What travels through the resolver: plain values, and the protocols of its two kinds of part.

Light on purpose: importing this module costs no HTTP client and no decoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.resolver.limits import FetchLimits


@dataclass(frozen=True, slots=True)
class MediumRef:
    """One medium that a post or URL names, before its bytes are here.

    Everything but ``url`` is the site's claim, never trusted for a decision: ``kind`` is `image`, `video` or
    `audio`; ``width`` and ``height`` are in pixels, ``duration`` in seconds.
    """

    url: str
    kind: str | None = None
    mime: str | None = None
    alt_text: str | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """The media of one URL, in the post's order. ``route`` names the site module that answered."""

    canonical_url: str
    media: tuple[MediumRef, ...]
    route: str


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


class Site(Protocol):
    """One kind of URL that the resolver knows. Each module in `bot.resolver.sites` has one as ``SITE``."""

    name: str
    supports: str  # in words, for the asker: "direct links to ..."

    def matches(self, url: str) -> bool:
        """Whether this site is worth asking; decided from the URL alone."""

    def resolve(self, url: str, fetcher: Fetcher) -> Resolution:
        """The media of this URL.

        Raises:
            ResolveError: none can be had; `reason` says why.
        """
