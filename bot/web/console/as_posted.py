"""How a reply would look where it is posted: the platform's own count, the language's direction."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bot.platforms.base import Platform, TextRules
from bot.platforms.text import graphemes, weighted
from bot.replies.wordings import languages, wordings

_USUAL: Final = {
    "bluesky": TextRules(300, graphemes, 3000),
    "inbox": TextRules(500, graphemes),
    "mastodon": TextRules(500, graphemes),
    "x": TextRules(280, weighted),
}
"""What the platforms take as a rule; one that is set up tells its own (an instance's, an account's)."""

# What platforms show in another colour.
_MARKED = re.compile(r"https?://\S+|@[\w.-]*\w(?:@[\w.-]*\w)?")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of a text; ``marked``: a handle or a link."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """A reply as readers see it. ``length`` and ``limit`` are in the platform's own measure.

    ``direction`` is "ltr" or "rtl". ``image`` is the address of the picture that goes with it, if any.
    """

    platform: str
    language: str
    direction: str
    pieces: tuple[Piece, ...]
    length: int
    limit: int
    fits: bool
    image: str | None = None
    image_alt_text: str | None = None


def rules_of(platforms: Mapping[str, Platform], name: str) -> TextRules:
    """How a platform limits texts; one that nobody knows is taken for the inbox."""
    if name in platforms:
        return platforms[name].text_rules
    return _USUAL.get(name, _USUAL["inbox"])


def known_platforms(platforms: Mapping[str, Platform]) -> list[str]:
    """The platforms that replies can be previewed on, by name."""
    return sorted(_USUAL.keys() | platforms.keys())


def preview(
    text: str,
    language: str,
    platform: str,
    rules: TextRules,
    *,
    image: str | None = None,
    image_alt_text: str | None = None,
) -> Preview:
    """A text as it would look on a platform."""
    return Preview(
        platform,
        language,
        direction_of(language, text),
        tuple(_pieces(text)),
        rules.measure(text),
        rules.max_length,
        rules.fits(text),
        image,
        image_alt_text,
    )


def direction_of(language: str, text: str) -> str:
    """Which way a language is written, by its own name for itself; one without a file, by the text."""
    name = wordings(language).name if language in languages() else text
    strong = (unicodedata.bidirectional(sign) for sign in name)
    first = next((kind for kind in strong if kind in {"L", "R", "AL"}), "L")
    return "ltr" if first == "L" else "rtl"


def _pieces(text: str) -> Iterator[Piece]:
    end = 0
    for found in _MARKED.finditer(text):
        if found.start() > end:
            yield Piece(text[end : found.start()], marked=False)
        yield Piece(found.group(), marked=True)
        end = found.end()
    if end < len(text):
        yield Piece(text[end:], marked=False)
