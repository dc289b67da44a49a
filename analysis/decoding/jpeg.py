"""How strongly a JPEG was compressed, from its quantisation tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

# Table K.1 of ITU-T T.81 (1992), which libjpeg scales by its quality: luminance, row by row.
_LUMINANCE = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)


def jpeg_quality(tables: Mapping[int, Sequence[int]]) -> int | None:
    """Return libjpeg's quality, 1 to 100, whose luminance table is as coarse as this one; None: no table.

    Tables are compared by their sums, so that encoders with tables of their own get the quality that loses
    about as much.
    """
    table = tables.get(0)
    if not table or len(table) != len(_LUMINANCE):
        return None
    coarse = sum(table)
    return min(range(1, 101), key=lambda quality: (abs(_sums()[quality - 1] - coarse), -quality))


@cache
def _sums() -> tuple[int, ...]:
    return tuple(sum(_scaled(quality)) for quality in range(1, 101))


def _scaled(quality: int) -> list[int]:
    """The luminance table that libjpeg makes for a quality."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return [min(max((entry * scale + 50) // 100, 1), 255) for entry in _LUMINANCE]
