"""What the sentences of a language file say in English, for whoever proof-reads it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

from analysis.model import Band, Kind
from bot.replies.wordings import Wordings, fill, source, wordings

# A comment line and the text right below it, alone on its line or behind its key.
_NOTED = re.compile(r'^ *# (?P<says>.+)\n *(?:\w+ = )?(?P<text>"(?:[^"\\\n]|\\.)*"),?$', re.MULTILINE)

_PARTS = ("estimate", "limited_evidence", "earlier", "earlier_copy", "licence_note")
_DETAILS = ("intro", "false_alarms", "misses", "no_rates")


def back_translations(language: str) -> dict[str, str]:
    """The comment right above each text of the file, by that text; empty for English.

    Raises:
        ConfigError: the language has no file.
    """
    return {
        tomllib.loads(f"text = {found['text']}")["text"]: found["says"]
        for found in _NOTED.finditer(source(language))
    }


def main_sentences(language: str) -> Iterator[tuple[str, str]]:
    """The sentences that answer an asker, as they stand in the file, each with its place.

    The reasons of failures are left out: they stand in the order of the English ones.

    Raises:
        ConfigError: the language has no file, or it is not complete.
    """
    words = wordings(language)
    for kind, by_band in (("verdict", words.verdict), ("correction", words.correction)):
        for band in Band:
            yield from ((f"{kind}.{band.value}", text) for text in by_band[band])
    yield from (("pending", text) for text in words.pending)
    yield from (("pointer", text) for text in words.pointer)
    yield from ((f"parts.{key}", getattr(words.parts, key)) for key in _PARTS)
    yield from ((f"details.{key}", getattr(words.details, key)) for key in _DETAILS)


def example(text: str, words: Wordings) -> str:
    """A text with its placeholders filled in, as for one picture with strong signs."""
    picture = words.media[Kind.IMAGE.value]
    return fill(
        text,
        media=picture.this,
        plural=picture.plural,
        result=words.results[Band.HIGH],
        percent=70,
        errors=3,
        total=100,
        licence="CC BY-NC 4.0",
        items="…",
    )
