"""How long an animation takes, summed over its frames' own delays; no frame is decoded for it.

Frames often differ: a title may stand for seconds before the motion starts. AVIF, whose delays lie deeper in
the file, is not read. Runs in the decoding child only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import BinaryIO

_GIF_EXTENSION, _GIF_IMAGE, _GIF_CONTROL = 0x21, 0x2C, 0xF9


def animation_seconds(file: BinaryIO, kind: str | None) -> float | None:
    """Sum the delays of an animation of Pillow's format ``kind``; of a truncated one, as far as it goes.

    None where no frame says how long it stands. The file's position stays as it was.
    """
    delays = _DELAYS.get(kind or "")
    if delays is None:
        return None
    place = file.tell()
    try:
        file.seek(0)
        return sum(delays(file)) or None
    finally:
        file.seek(place)


def _gif(file: BinaryIO) -> Iterator[float]:
    """GIF89a: the delays of the graphic control extensions, in hundredths of a second."""
    header = file.read(13)
    if len(header) == 13:
        _skip_colours(file, header[10])
    while start := file.read(1):
        if start[0] == _GIF_EXTENSION:
            label, first = file.read(1), file.read(1)
            data = file.read(first[0]) if first else b""
            if label and label[0] == _GIF_CONTROL and len(data) >= 3:
                yield int.from_bytes(data[1:3], "little") / 100
            if not data:
                continue
        elif start[0] == _GIF_IMAGE:
            descriptor = file.read(9)
            if len(descriptor) < 9:
                return
            _skip_colours(file, descriptor[8])
            file.seek(1, os.SEEK_CUR)  # the code size
        else:
            return
        while (size := file.read(1)) and size[0]:
            file.seek(size[0], os.SEEK_CUR)


def _skip_colours(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        file.seek(3 << (flags & 7) + 1, os.SEEK_CUR)


def _png(file: BinaryIO) -> Iterator[float]:
    """APNG: the fraction in each frame control chunk; a denominator of 0 means hundredths."""
    file.seek(8)
    while len(head := file.read(8)) == 8:
        size = int.from_bytes(head[:4], "big")
        if head[4:] == b"fcTL" and len(control := file.read(26)) == 26:
            size -= 26
            whole, parts = int.from_bytes(control[20:22], "big"), int.from_bytes(control[22:24], "big")
            yield whole / (parts or 100)
        file.seek(max(size, 0) + 4, os.SEEK_CUR)


def _webp(file: BinaryIO) -> Iterator[float]:
    """WebP: the milliseconds in each ANMF chunk."""
    file.seek(12)
    while len(head := file.read(8)) == 8:
        size = int.from_bytes(head[4:], "little")
        after = file.tell() + size + size % 2
        if head[:4] == b"ANMF" and len(frame := file.read(16)) == 16:
            yield int.from_bytes(frame[12:15], "little") / 1000
        file.seek(after)


_DELAYS: dict[str, Callable[[BinaryIO], Iterator[float]]] = {"GIF": _gif, "PNG": _png, "WEBP": _webp}
