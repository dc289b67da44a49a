"""How long a status is, as Mastodon counts (app/validators/status_length_validator.rb)."""

from __future__ import annotations

from functools import partial

import regex

from bot.platforms.base import TextRules
from bot.platforms.text import graphemes

# Only what begins with http(s):// and a name with a dot counts as a URL.
_URL = regex.compile(
    r"https?://(?:[^\s/?#@.:<>\"]+\.)+[^\s/?#@.:<>\"]{2,}(?::\d+)?(?:[/?#][^\s<>\"]*[^\s<>\".,;:!?')\]}])?/?",
    regex.IGNORECASE,
)
_REMOTE_MENTION = regex.compile(
    r"(?<![=/\w])(@[a-z0-9_]+(?:[a-z0-9_.-]+[a-z0-9_]+)?)@[\w.-]+\w", regex.IGNORECASE
)


def status_length(text: str, url_length: int) -> int:
    """Grapheme clusters; a URL counts as ``url_length``, a mention without its domain."""
    without_domains = _REMOTE_MENTION.sub(r"\1", _URL.sub("x" * url_length, text))
    return graphemes(without_domains)


def text_rules(limit: int, url_length: int) -> TextRules:
    """The rules of a reply's text on an instance that allows so many characters."""
    return TextRules(limit, partial(status_length, url_length=url_length))
