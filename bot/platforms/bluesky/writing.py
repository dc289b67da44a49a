"""The record of a reply: its key, its references, its facets and its picture."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import regex

from bot.errors import ReplyRefused
from bot.platforms.base import Draft
from bot.platforms.bluesky import lexicon
from bot.platforms.bluesky.faults import must
from bot.platforms.text import http_urls
from bot.resolver.reading.payload import Payload

_TID_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
_FIRST_MOMENT = 1_672_531_200_000_000  # 2023-01-01 in microseconds
_MOMENT_BITS, _CLOCK_BITS = 46, 10
_HANDLE = regex.compile(r"(?<![\w@.])@((?:[a-zA-Z0-9-]{1,63}\.)+[a-zA-Z][a-zA-Z0-9-]{0,62})")
_QUALITIES = (92, 85, 75, 60)
_MOST_MENTIONS = 2
_MIMES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is uploaded; sizes in pixels."""

    content: bytes
    mime: str
    width: int
    height: int


def record_key(key: str) -> str:
    """The record key of the reply with this idempotency key: always the same one.

    Posts must have a TID as key (atproto.com/specs/tid): 53 bits of microseconds since 1970 and 10 bits of a
    clock's number, in 13 letters. Here 56 bits of the key's SHA-256 stand for a moment in the 2.2 years from
    2023 on and for the clock: a valid time that is never in the future. Of a million replies, two get the
    same one with a probability of 7 in a million.
    """
    bits = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    moment = _FIRST_MOMENT + (bits >> _CLOCK_BITS) % (1 << _MOMENT_BITS)
    number = moment << _CLOCK_BITS | bits % (1 << _CLOCK_BITS)
    return "".join(_TID_LETTERS[number >> shift & 31] for shift in range(60, -1, -5))


def post_record(
    draft: Draft,
    parent: Payload,
    facets: list[dict[str, Any]],
    embed: dict[str, Any] | None,
    now: datetime,
) -> dict[str, Any]:
    """The record of a reply to the post of this view.

    Raises:
        PlatformUnavailable: the view lacks what must be referred to.
    """
    above = {"uri": must(parent, "uri"), "cid": must(parent, "cid")}
    root = parent.find("record", "reply", "root")
    first = {"uri": must(root, "uri"), "cid": must(root, "cid")} if root is not None else above
    record = {
        "$type": lexicon.POST,
        "text": draft.text,
        "createdAt": now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "langs": [draft.language],
        "reply": {"root": first, "parent": above},
        "facets": facets,
    }
    return record | ({"embed": embed} if embed is not None else {})


def find_facets(text: str, did_of: Callable[[str], str | None]) -> list[dict[str, Any]]:
    """What in a text is a mention or a link, by places in its UTF-8; handles nobody has stay plain text.

    ``did_of`` is asked for the first few handles only.
    """
    facets = []
    for match in list(_HANDLE.finditer(text))[:_MOST_MENTIONS]:
        did = did_of(match.group(1).lower())
        if did is not None:
            facets.append(_facet(text, *match.span(), {"$type": lexicon.MENTION, "did": did}))
    for url in http_urls(text):
        link = {"$type": lexicon.LINK, "uri": url}
        facets += [_facet(text, start, start + len(url), link) for start in _places(text, url)]
    return facets


def images_embed(blob: dict[str, Any], picture: Picture, alt_text: str) -> dict[str, Any]:
    """The embed of one uploaded picture."""
    ratio = {"width": picture.width, "height": picture.height}
    return {"$type": lexicon.IMAGES, "images": [{"image": blob, "alt": alt_text, "aspectRatio": ratio}]}


def read_picture(path: Path) -> Picture:
    """A picture as Bluesky takes it: as it is, or re-encoded as JPEG where it is too large.

    Raises:
        ReplyRefused: the file is gone, or no picture.
    """
    from PIL import Image

    try:
        content = path.read_bytes()
        with Image.open(BytesIO(content)) as image:
            mime = _MIMES.get(image.format or "")
            if mime is not None and len(content) <= lexicon.MAX_IMAGE_BYTES:
                return Picture(content, mime, *image.size)
            plain = image.convert("RGB")
    except (OSError, ValueError) as error:
        raise ReplyRefused(f"the picture {path.name} cannot be sent ({error})") from error
    while True:
        for quality in _QUALITIES:
            smaller = BytesIO()
            plain.save(smaller, "JPEG", quality=quality)
            if smaller.tell() <= lexicon.MAX_IMAGE_BYTES:
                return Picture(smaller.getvalue(), "image/jpeg", *plain.size)
        plain = plain.resize((max(1, plain.width // 2), max(1, plain.height // 2)))


def _places(text: str, url: str) -> Iterator[int]:
    start = text.find(url)
    while start >= 0:
        yield start
        start = text.find(url, start + len(url))


def _facet(text: str, start: int, end: int, feature: dict[str, str]) -> dict[str, Any]:
    index = {"byteStart": len(text[:start].encode()), "byteEnd": len(text[:end].encode())}
    return {"index": index, "features": [feature]}
