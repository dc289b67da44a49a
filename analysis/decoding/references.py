"""Pictures to which no other one refers, told by the first bytes of their packets' units.

Where they are not wanted they need no decoding, and all others come out the same to the last bit. Often
every second picture is such a one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

# Numbers of the kinds of units (ITU-T H.264, table 7-1; H.265, table 7-1).
_H264_SLICES = range(1, 6)
_HEVC_SLICES = range(32)
_HEVC_WITHIN_LAYER = range(16)  # of them the even ones are not referred to within their temporal layer
_START = b"\0\0\1"
_MOST_UNITS = 1000  # in one packet; more are there only to keep a reader busy


class Picture(NamedTuple):
    """A picture's temporal layer, and whether pictures of that layer may refer to it; those of a higher one
    may in any case.
    """

    layer: int
    referred: bool


def picture_reader(codec: str, extradata: bytes | None) -> Callable[[bytes], Picture | None] | None:
    """Return what tells of a packet's bytes which picture they hold, None where they hold none or lie.

    Args:
        codec: of the stream; None is returned for those whose packets do not tell.
        extradata: the stream's parameters: an `avcC` or `hvcC` box says how units are told apart.
    """
    if codec not in _READERS:
        return None
    read, place = _READERS[codec]
    boxed = extradata is not None and len(extradata) > place and extradata[0] == 1
    length = (extradata[place] & 3) + 1 if boxed and extradata is not None else 0

    def picture(packet: bytes) -> Picture | None:
        units = _boxed_units(packet, length) if length else _started_units(packet)
        first = list(islice(units, _MOST_UNITS + 1))
        return read(first) if len(first) <= _MOST_UNITS else None

    return picture


def _boxed_units(packet: bytes, length: int) -> Iterator[bytes]:
    """The first two bytes of each unit; each stands behind its length in so many bytes."""
    place = 0
    while place + length < len(packet):
        size = int.from_bytes(packet[place : place + length])
        place += length
        yield packet[place : place + 2]
        place += size


def _started_units(packet: bytes) -> Iterator[bytes]:
    """The first two bytes of each unit behind a start code."""
    place = packet.find(_START)
    while place >= 0:
        place += len(_START)
        yield packet[place : place + 2]
        place = packet.find(_START, place)


def _h264(units: list[bytes]) -> Picture | None:
    slices = [unit[0] for unit in units if unit and unit[0] & 31 in _H264_SLICES]
    return Picture(0, any(head >> 5 & 3 for head in slices)) if slices else None


def _hevc(units: list[bytes]) -> Picture | None:
    heads = [(unit[0] >> 1 & 63, unit[1] & 7) for unit in units if len(unit) == 2]
    slices = [(kind, layer) for kind, layer in heads if kind in _HEVC_SLICES]
    if not slices:
        return None
    referred = any(kind not in _HEVC_WITHIN_LAYER or kind % 2 for kind, _ in slices)
    return Picture(max(layer for _, layer in slices), referred)


_READERS: dict[str, tuple[Callable[[list[bytes]], Picture | None], int]] = {
    "h264": (_h264, 4),
    "hevc": (_hevc, 21),
}
