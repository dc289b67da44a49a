"""What detectors said of parts of a medium, read out of the evidence of their scores.

Evidence is JSON that may come from a database and an older version: whatever does not fit is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Any, TypeGuard

from analysis.model import Score


@dataclass(frozen=True, slots=True)
class Patch:
    """One rectangle of a picture, in its pixels, and its score in [0, 1]."""

    left: int
    top: int
    width: int
    height: int
    score: float


@dataclass(frozen=True, slots=True)
class FaceBox:
    """One face: the number of its frame, the box (x1, y1, x2, y2) in the frame's pixels, and its score in
    [0, 1], or None where faces have no scores of their own.
    """

    frame: int
    box: tuple[float, float, float, float]
    score: float | None


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of sound, ``start`` to ``end`` in seconds, and its score in [0, 1]."""

    start: float
    end: float
    score: float


def patches(score: Score) -> list[Patch]:
    """The scored rectangles of a picture, if the detector gives any."""
    found = []
    for item in _sequence(score.evidence.get("patch_scores")):
        values = numbers(item)
        if len(values) == 5 and min(values[2:4]) >= 1 and 0 <= values[4] <= 1:
            left, top, width, height = (round(value) for value in values[:4])
            found.append(Patch(left, top, width, height, values[4]))
    return found


def frame_scores(score: Score, frames: int) -> list[float]:
    """One score per frame, or nothing where the detector did not score all frames."""
    own = numbers(score.evidence.get("frame_scores")) or [patch.score for patch in patches(score)]
    return own if len(own) == frames > 1 and _are_scores(own) else []


def clip_scores(score: Score) -> list[float]:
    """The scores of clips of faces in their order, if the detector gives any."""
    own = numbers(score.evidence.get("clip_scores"))
    return own if _are_scores(own) else []


def faces(score: Score) -> list[FaceBox]:
    """The faces that a detector was shown; a single one has the detector's score."""
    boxes = []
    for item in _sequence(score.evidence.get("faces")):
        if not isinstance(item, Mapping):
            return []
        corners, frame = numbers(item.get("box")), item.get("frame")
        if len(corners) != 4 or not isinstance(frame, int):
            return []
        boxes.append((frame, (corners[0], corners[1], corners[2], corners[3])))
    own: Sequence[float | None] = numbers(score.evidence.get("face_scores"))
    if len(boxes) == 1 and not own:
        own = [score.score]
    if len(own) != len(boxes):
        own = [None] * len(boxes)
    return [FaceBox(frame, box, value) for (frame, box), value in zip(boxes, own, strict=True)]


def windows(score: Score, seconds: float) -> list[Window]:
    """The scored stretches of a sound that lasts ``seconds``, if the detector says where they begin.

    Each is drawn as long as the shortest step from one to the next: how far they overlap is not known.
    """
    own, starts = (numbers(score.evidence.get(key)) for key in ("window_scores", "window_starts"))
    if len(starts) != len(own) or not _are_scores(own) or not all(0 <= at < seconds for at in starts):
        return []
    length = min((second - first for first, second in pairwise(starts)), default=seconds)
    if length <= 0:
        return []
    return [
        Window(start, min(start + length, seconds), value) for start, value in zip(starts, own, strict=True)
    ]


def numbers(value: object) -> list[float]:
    """A list of finite numbers; anything else is an empty one."""
    items = _sequence(value)
    if not all(isinstance(item, int | float) and isfinite(item) for item in items):
        return []
    return [float(item) for item in items]


def _sequence(value: object) -> Sequence[Any]:
    return value if _is_sequence(value) else ()


def _is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, list | tuple)


def _are_scores(values: Sequence[float]) -> bool:
    return bool(values) and all(0 <= value <= 1 for value in values)
