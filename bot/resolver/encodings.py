"""The choice among several encodings of one medium: the one that lost least, as far as the limits allow."""

from __future__ import annotations

from collections.abc import Iterable

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import MediumRef

_PLAYLISTS = frozenset(
    {"application/x-mpegurl", "application/vnd.apple.mpegurl", "audio/mpegurl", "application/dash+xml"}
)
# Bits of one pixel of a still picture: a generous JPEG.
_BITS_PER_PIXEL = 8


def best(encodings: Iterable[MediumRef], max_bytes: int) -> MediumRef:
    """The encoding with most pixels, among those the one with the highest bit rate, then the largest.

    Playlists (HLS, DASH) are no files and are passed over; so are encodings that surely exceed the limit.
    Where nothing tells them apart the first is taken: sites list their best first.

    Raises:
        ResolveError: NO_MEDIA if there is none at all, TOO_LARGE if all are larger than ``max_bytes``.
    """
    files = [each for each in encodings if plain_mime(each.mime) not in _PLAYLISTS]
    if not files:
        raise ResolveError(ResolveFailure.NO_MEDIA, "the site lists no encoding that is a file")
    fitting = [each for each in files if (likely_bytes(each) or 0) <= max_bytes]
    if not fitting:
        least = min(likely_bytes(each) or 0 for each in files)
        detail = f"the smallest encoding has about {least} bytes, more than the {max_bytes} fetched at most"
        raise ResolveError(ResolveFailure.TOO_LARGE, detail)
    return max(fitting, key=_worth)


def likely_bytes(medium: MediumRef) -> int | None:
    """The size of a file: as the site says, else by bit rate and duration; None where neither is known."""
    if medium.size is not None:
        return medium.size
    if medium.bit_rate and medium.duration:
        return int(medium.bit_rate * medium.duration / 8)
    if medium.kind == "image" and medium.width and medium.height:
        return medium.width * medium.height * _BITS_PER_PIXEL // 8
    return None


def plain_mime(mime: str | None) -> str:
    """A media type in lower case without its parameters; empty for None."""
    return (mime or "").partition(";")[0].strip().lower()


def _worth(medium: MediumRef) -> tuple[int, int, int]:
    pixels = (medium.width or 0) * (medium.height or 0)
    return pixels, medium.bit_rate or 0, medium.size or 0
