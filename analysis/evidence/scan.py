"""Local evidence of detectors that give none: parts of the medium, each judged as a medium of its own.

What a part alone looks like to a detector is not what it contributed to the whole; the pictures say so.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from analysis.evidence.local import Patch, Window
from detectors.errors import NotApplicable

if TYPE_CHECKING:
    from torch import Tensor

    from detectors.base import Detector

MOST_CROPS = 49
MOST_WINDOWS = 30
WINDOW_SECONDS = 4.0
_LEAST_SIDE = 128
_SHARE = 4  # a crop's side is this part of the picture's shorter one
_SAMPLE_RATE = 16_000


def scan_picture(detector: Detector, frame: Tensor) -> list[Patch]:
    """Score overlapping squares of a picture, uint8 ``(H, W, 3)``; at most `MOST_CROPS`.

    Squares grow where the detector finds them too small; none are left where it can only judge the whole.
    """
    height, width = frame.shape[:2]
    side = max(_LEAST_SIDE, min(height, width) // _SHARE)
    while side < min(height, width):
        boxes = grid(height, width, side)
        if len(boxes) <= MOST_CROPS:
            found = [_score_crop(detector, frame, left, top, side) for left, top in boxes]
            if any(patch is not None for patch in found):
                return [patch for patch in found if patch is not None]
        side = max(side + 1, side * 5 // 4)
    return []


def grid(height: int, width: int, side: int) -> list[tuple[int, int]]:
    """Left and top of squares that cover a picture, neighbours overlapping by half or a little more."""
    return [(left, top) for top in _starts(height, side) for left in _starts(width, side)]


def _starts(length: int, side: int) -> list[int]:
    steps = ceil((length - side) / (side / 2))
    return [round((length - side) * step / steps) for step in range(steps + 1)] if steps else [0]


def _score_crop(detector: Detector, frame: Tensor, left: int, top: int, side: int) -> Patch | None:
    crop = frame[top : top + side, left : left + side]
    try:
        score = detector.detect(crop.contiguous()[None]).score
    except NotApplicable:
        return None
    return Patch(left, top, side, side, score)


def scan_sound(detector: Detector, waveform: Tensor) -> list[Window]:
    """Score stretches of `WINDOW_SECONDS` of a sound, float32 ``(samples,)`` at 16 kHz.

    At most `MOST_WINDOWS`, evenly spaced, without silent ones; none for a sound shorter than two.
    """
    length, size = len(waveform), int(WINDOW_SECONDS * _SAMPLE_RATE)
    count = min(MOST_WINDOWS, length // size)
    if count < 2:
        return []
    found = []
    for number in range(count):
        start = (length - size) * number // (count - 1)
        try:
            score = detector.detect(waveform[start : start + size]).score
        except NotApplicable:
            continue
        found.append(Window(start / _SAMPLE_RATE, (start + size) / _SAMPLE_RATE, score))
    return found
