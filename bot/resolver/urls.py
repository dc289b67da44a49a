"""What may be shown of a URL, and what kind of place it names."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_LONGEST = 200


def scheme(url: str) -> str | None:
    """The lower-case scheme of a URL; None for what has none, like a path."""
    match = _SCHEME.match(url)
    return match[1].lower() if match else None


def in_public(url: str) -> str:
    """A URL as logs and messages may show it: scheme, host, port and path, in one line of at most 200 signs.

    Query, fragment and user-info may hold secrets (signatures, tokens, passwords) and are left out.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # such as a bracket without its partner
        parts = SplitResult("", "", "(unreadable link)", "", "")
    host = parts.netloc.rpartition("@")[2]
    shown = f"{parts.scheme}://{host}{parts.path}" if host else f"{parts.scheme}:{parts.path}".lstrip(":")
    plain = "".join(sign if sign.isprintable() else "?" for sign in shown)
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"
