"""Reading a growing JSON Lines file from any offset, whole lines only, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

LONGEST_LINE = 1 << 20
"""Bytes; a longer line is passed over and never held in memory."""


@dataclass(frozen=True, slots=True)
class Line:
    """One complete line from byte ``start`` up to ``end`` (behind its newline).

    ``raw`` is without the newline, or None where the line is longer than `LONGEST_LINE`.
    """

    start: int
    end: int
    raw: bytes | None


def complete_lines(file: BinaryIO, offset: int) -> Iterator[Line]:
    """The lines from ``offset`` on that end in a newline; a last line that is still being written waits."""
    file.seek(offset)
    while (line := _next_line(file, offset)) is not None:
        yield line
        offset = line.end


def _next_line(file: BinaryIO, start: int) -> Line | None:
    first = piece = file.readline(LONGEST_LINE)
    end = start + len(first)
    while piece and not piece.endswith(b"\n"):
        piece = file.readline(LONGEST_LINE)
        end += len(piece)
    if not piece:
        return None
    return Line(start, end, first[:-1] if end - start == len(first) else None)
