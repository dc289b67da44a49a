"""Taking out of a recorded fixture whom and what it is about, so that it can be shared.

Names, texts, ids, tokens, signatures, e-mail addresses and IP addresses get stand-ins: the same one
everywhere for the same thing, numbered by first appearance, so that the fixture still hangs together (a URL
in an answer is the URL that is asked next) and does not change between two recordings of the same answers.
What is left is structure: keys, hosts, markup, sizes, times. A person should still look before sharing.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from bot.redact import is_secret_name

_NAMES = frozenset(
    {"username", "user_name", "screen_name", "handle", "display_name", "displayname", "full_name", "fullname"}
    | {"name", "author", "author_name", "author_fullname", "acct", "uploader", "uploader_id", "channel"}
    | {"nickname", "uniqueid", "unique_id", "owner", "email", "first_name", "last_name", "author_handle"}
)
_TEXTS = frozenset(
    {"text", "full_text", "caption", "content", "description", "title", "alt", "alt_text", "desc", "message"}
    | {"body", "selftext", "summary", "note", "bio", "accessibility_caption", "spoiler_text", "headline"}
)
_TIMES = re.compile(r"time|date|created|_at$|utc|expire|duration|size|rate|width|height", re.IGNORECASE)
_SIGNED = (
    r"sig|sign|signature|token|auth|key|hash|hmac|policy|oh|oe|_nc_[a-z]+|x-amz-[a-z-]+|hdn[a-z]+|session"
)
_QUERY_VALUE = re.compile(rf"(?<=[?&])(?:{_SIGNED})=([^&\s\"'<>\\]+)", re.IGNORECASE)
_TOKEN = re.compile(r"(?<![\w-])(?=[A-Za-z_-]*\d)(?=[\d_-]*[A-Za-z])[A-Za-z0-9_-]{20,}(?![\w-])")
_ID = re.compile(r"(?<![A-Za-z0-9])\d{8,}(?![A-Za-z0-9])")
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_IPV4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
_AT_NAME = re.compile(r"(?<=/@)[\w.-]{2,60}")
# In a page: "key": "value" of a script, also with the quotes escaped; what a tag says to people; plain text.
_PAIR = re.compile(r'(\\?"([A-Za-z_]{2,40})\\?"\s*:\s*\\?")([^"\\]{2,2000})')
_SPOKEN = re.compile(
    r"<meta[^>]{0,200}?(?:title|description|author|keywords|alt)[^>]{0,3000}>", re.IGNORECASE
)
_ATTRIBUTE = re.compile(r"(\b(?:content|alt|title)\s*=\s*)(\"[^\"]{2,3000}\"|'[^']{2,3000}')", re.IGNORECASE)
_PLAIN_TEXT = re.compile(
    r"(<(?:script|style)\b.*?</(?:script|style)\s*>|<[^>]{0,5000}>)|([^<]+)", re.I | re.S
)
_WORDS = re.compile(r"(<[^>]{0,1000}>|https?://[^\s<]+)|(\w+)")
_COMMON = {"public", "video", "image", "photo", "post", "status", "user", "none", "null", "true", "false"}


class Scrubber:
    """One fixture's stand-ins. ``secrets`` must not be in it whatever they look like: keys of ours."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        self._stand_ins: dict[str, str] = {}
        self._people = 0
        for secret in secrets:
            self._like(secret)

    def scrub(self, fixture: Mapping[str, Any]) -> dict[str, Any]:
        """The fixture without them; the given one is left as it is."""
        for key, value in _values(fixture, ""):
            self._collect(key, value)
        pattern = self._pattern()
        return {
            "url": self.replaced(fixture["url"], pattern),
            "exchanges": [self._exchange(each, pattern) for each in fixture["exchanges"]],
            "extractor": [self._mapped(each, "", pattern) for each in fixture["extractor"]],
        }

    def stand_in(self, original: str) -> str:
        """What stands for this text in the fixture; itself where nothing does."""
        return self._stand_ins.get(original, original)

    def replaced(self, text: str, pattern: re.Pattern[str]) -> str:
        """A text with every stand-in in its place."""
        return pattern.sub(lambda found: self._stand_ins[found[0]], text)

    def _exchange(self, exchange: Mapping[str, Any], pattern: re.Pattern[str]) -> dict[str, Any]:
        kept = {name: value for name, value in exchange.items() if name not in {"json", "text"}}
        scrubbed: dict[str, Any] = self._mapped(kept, "", pattern)
        if "json" in exchange:
            scrubbed["json"] = self._mapped(exchange["json"], "", pattern)
        if "text" in exchange:
            scrubbed["text"] = self.replaced(_masked_page(exchange["text"]), pattern)
        return scrubbed

    def _mapped(self, value: Any, key: str, pattern: re.Pattern[str]) -> Any:
        """A JSON value with stand-ins, and with its texts for people masked."""
        if isinstance(value, str):
            masked = _masked(value) if key.lower() in _TEXTS else value
            return self.replaced(masked, pattern)
        if isinstance(value, dict):
            return {self.replaced(k, pattern): self._mapped(each, k, pattern) for k, each in value.items()}
        if isinstance(value, list):
            return [self._mapped(each, key, pattern) for each in value]
        if isinstance(value, int) and str(value) in self._stand_ins:
            return int(self._stand_ins[str(value)])
        return value

    def _collect(self, key: str, value: str) -> None:
        for name, inner in [(key, value), *((name, inner) for _, name, inner in _PAIR.findall(value))]:
            if is_secret_name(name) and not inner.startswith("http"):
                self._like(inner)
            elif name.lower() in _NAMES:
                self._person(inner)
        for pattern in (_EMAIL, _AT_NAME):
            for found in pattern.findall(value):
                self._person(found)
        for pattern in (_QUERY_VALUE, _TOKEN) if _TIMES.search(key) else (_QUERY_VALUE, _TOKEN, _ID):
            for found in pattern.findall(value):
                self._like(found)
        for found in filter(_is_somebodys, _IPV4.findall(value)):
            self._stand_ins.setdefault(found, f"192.0.2.{len(self._stand_ins) % 254 + 1}")

    def _person(self, name: str) -> None:
        told = name in self._stand_ins or name.lower() in _COMMON
        if told or len(name) < 2 or name.startswith("http"):
            return
        self._people += 1
        mail = "@example.org" if _EMAIL.fullmatch(name) else ""
        self._stand_ins[name] = f"person{self._people}{mail}"

    def _like(self, value: str) -> None:
        """A stand-in of the same length and kinds of signs, by its number alone."""
        if len(value) < 2 or value in self._stand_ins:
            return
        stream = hashlib.shake_256(f"stand-in {len(self._stand_ins)}".encode()).digest(len(value))
        self._stand_ins[value] = "".join(
            _like_sign(sign, byte) for sign, byte in zip(value, stream, strict=True)
        )

    def _pattern(self) -> re.Pattern[str]:
        for original, stand_in in tuple(self._stand_ins.items()):
            self._stand_ins.setdefault(quote(original, safe=""), quote(stand_in, safe=""))
        longest_first = sorted(self._stand_ins, key=len, reverse=True)
        words = "|".join(map(re.escape, longest_first)) or "(?!)"
        return re.compile(rf"(?<![A-Za-z0-9])(?:{words})(?![A-Za-z0-9])")


def _values(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """Every text and every number that may be an id in a JSON value, with the key it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, int) and abs(value) > 10**11:
        yield key, str(value)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield "", str(name)
            yield from _values(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner, key)


def _is_somebodys(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:  # a version number, say
        return False


def _like_sign(sign: str, byte: int) -> str:
    if sign.isdigit():
        return str(byte % 9 + 1)
    if sign.isalpha():
        letter = chr(ord("a") + byte % 26)
        return letter.upper() if sign.isupper() else letter
    return sign


def _masked(text: str) -> str:
    """A text for people without its words; tags and links in it stay, as sites are read by them."""
    return _WORDS.sub(lambda found: found[1] or re.sub(r"\d", "0", re.sub(r"[^\W\d_]", "x", found[2])), text)


def _masked_page(page: str) -> str:
    """A page without what it says to people."""
    page = _SPOKEN.sub(lambda tag: _masked_attributes(tag[0]), page)
    page = _PLAIN_TEXT.sub(
        lambda found: _masked_attributes(found[1]) if found[1] else _masked(found[2]), page
    )

    def pair(found: re.Match[str]) -> str:
        return found[1] + (_masked(found[3]) if found[2].lower() in _TEXTS else found[3])

    return _PAIR.sub(pair, page)


def _masked_attributes(tag: str) -> str:
    spoken = not tag.lower().startswith("<meta") or _SPOKEN.fullmatch(tag)
    return _ATTRIBUTE.sub(lambda found: found[1] + _masked(found[2]), tag) if spoken else tag
