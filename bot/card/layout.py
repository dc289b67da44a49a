"""Where lines end: at blanks, and in scripts without blanks between any two signs that may be parted."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator

# Japanese: what may not begin a line, and what may not end one (JIS X 4051, in short).
_NOT_FIRST = set("、。，．・：；？！ー）」』】〕》〉”’ぁぃぅぇぉっゃゅょァィゥェォッャュョ々,.!?)]}:;%")
_NOT_LAST = set("（「『【〔《〈“‘([{")

Measure = Callable[[str], float]


def wrap(text: str, width: float, measure: Measure) -> list[str]:
    """Break a text into lines that are at most so wide; a piece that is wider than a line has its own."""
    lines: list[str] = []
    line = ""
    for piece in _pieces(text):
        if line and measure((line + piece).rstrip()) > width:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    if line.strip():
        lines.append(line.rstrip())
    return lines


def _pieces(text: str) -> Iterator[str]:
    """What must stay together, each with the blank behind it."""
    piece = ""
    for index, sign in enumerate(text):
        piece += sign
        following = text[index + 1 : index + 2]
        if sign.isspace() or (following and _may_part(sign, following)):
            yield piece
            piece = ""
    if piece:
        yield piece


def _may_part(before: str, after: str) -> bool:
    if after in _NOT_FIRST or before in _NOT_LAST or after.isspace():
        return False
    return _is_wide(before) or _is_wide(after)


def _is_wide(sign: str) -> bool:
    return unicodedata.east_asian_width(sign) in {"W", "F"}
