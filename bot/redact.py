"""Text that is safe to show: no secrets, no control characters that strangers put into names and URLs."""

from __future__ import annotations

import re
from itertools import pairwise

MASK = "********"
_SECRET_WORDS = frozenset(
    {"token", "tokens", "secret", "secrets", "password", "passwd", "passphrase", "authorization", "cookie"}
    | {"cookies", "credential", "credentials", "apikey", "bearer", "jwt"}
)
_SECRET_PAIRS = frozenset({("api", "key"), ("private", "key"), ("access", "key"), ("signing", "key")})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_URL = re.compile(
    r"(?P<start>\b[a-z][a-z0-9+.-]*://)(?P<user>[^\s/?#@'\"<>]*@)?(?P<path>[^\s?#'\"<>]*)"
    r"(?P<rest>[?#][^\s'\"<>]*)?",
    re.I,
)
_ASSIGNED = re.compile(
    r"(?P<name>\b(?:[a-z]+[_-])*(?:authorization|password|passwd|secret|token|api[_-]?key)['\"]?\s*[=:]\s*)"
    r"(?P<value>(?:(?:bearer|basic)\s+)?(?:\"[^\"]*\"|'[^']*'|[^\s,;&'\"]+))",
    re.I,
)
_BEARER = re.compile(r"\b(?P<scheme>bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.I)


def is_secret_name(name: str) -> bool:
    """Whether a value of this name (`api_key`, `X-Auth-Token`, `accessToken`) is nobody's to read."""
    words = [word.lower() for word in _WORD.findall(name)]
    return not _SECRET_WORDS.isdisjoint(words) or not _SECRET_PAIRS.isdisjoint(pairwise(words))


def mask_secrets(text: str) -> str:
    """The text without credentials, and with the query and fragment of URLs hidden."""
    if "://" in text:
        text = _URL.sub(_bare_url, text)
    text = _ASSIGNED.sub(rf"\g<name>{MASK}", text)
    return _BEARER.sub(rf"\g<scheme> {MASK}", text)


def _bare_url(match: re.Match[str]) -> str:
    user = f"{MASK}@" if match["user"] else ""
    rest = f"{match['rest'][0]}…" if match["rest"] else ""
    return f"{match['start']}{user}{match['path']}{rest}"


def printable(text: str, keep: str = "") -> str:
    """The text with control, format and lone surrogate characters escaped, but for those in `keep`."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in keep else _escaped(character)
        for character in text
    )


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
