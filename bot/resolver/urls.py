"""What may be shown of a URL, and what kind of place it names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, urlsplit

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_LONGEST = 200
# What no URL holds as it stands, and what programs disagree about (does a backslash end the host?).
_ODD = re.compile(r"[\x00-\x20\x7f\\]")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Place:
    """An http(s) URL, taken apart for matching.

    ``host`` is lower-case ASCII (IDNA applied) without a trailing dot; ``port`` is None where it is the
    scheme's own; ``query`` has each name's first value; ``url`` is as it was given.
    """

    url: str
    scheme: str
    host: str
    port: int | None
    path: str
    query: dict[str, str]


def place_of(url: str) -> Place | None:
    """A URL as a `Place`; None for what is no http(s) link, cannot be read, or carries a user name."""
    url = url.strip()
    if _ODD.search(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    kind = parts.scheme
    if kind not in _DEFAULT_PORTS or "@" in parts.netloc or not parts.hostname:
        return None
    host = _ascii_host(parts.hostname)
    if host is None:
        return None
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return Place(url, kind, host, None if port == _DEFAULT_PORTS[kind] else port, parts.path, query)


def _ascii_host(host: str) -> str | None:
    """The host in its one ASCII form; None where it has none (look-alike letters, empty labels)."""
    plain = host.lower().removesuffix(".")
    if plain.isascii():
        return plain or None
    import idna

    try:
        return idna.encode(plain).decode("ascii")
    except idna.IDNAError:
        return None


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
