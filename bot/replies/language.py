"""In which language to answer."""

from __future__ import annotations

import re

from bot.errors import ConfigError
from bot.replies.wordings import languages

# Undetermined, no language, several, uncoded, and ISO 639's range for private use (X's "qme" and the like).
_NO_LANGUAGE = re.compile(r"(und|zxx|mul|mis|q[a-t][a-z]|art)(-.*)?")


def choose_language(mention: str | None, post: str | None, default: str) -> str:
    """The language to answer in: the mention's, else the post's, else the default.

    Arguments are BCP 47 tags as platforms give them, or None. A language without a file falls back to its
    shorter forms (`pt-BR` to `pt`) and then to the default.

    Raises:
        ConfigError: the default language has no file.
    """
    asked = next((tag for tag in (_stated(mention), _stated(post)) if tag), None)
    for tag in (asked, _stated(default)):
        found = _with_file(tag) if tag else None
        if found is not None:
            return found
    raise ConfigError(f"reply.language: there are no replies in {default!r}; known: {', '.join(languages())}")


def _stated(tag: str | None) -> str | None:
    normal = (tag or "").strip().replace("_", "-").lower()
    return None if not normal or _NO_LANGUAGE.fullmatch(normal) else normal


def _with_file(tag: str) -> str | None:
    known = languages()
    parts = tag.split("-")
    shorter = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((each for each in shorter if each in known), None)
