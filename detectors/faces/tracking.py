"""Faces followed from frame to frame, and the windows of 32 frames in which they are judged."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from detectors.faces.retinaface import Faces

CLIP = 32
_CANDIDATES = 10
_START_SCORE = 0.8
_SAME_FACE = 0.5
_SHORTEST = 2


class Track(NamedTuple):
    """One face over the frames ``start <= frame < end``: its boxes ``(n, 4)`` and landmarks ``(n, 5, 2)``."""

    start: int
    end: int
    boxes: np.ndarray
    landmarks: np.ndarray


def usable(faces: Faces, min_score: float = 0.75, min_area: float = 5000) -> Faces:
    """Keep those of the ten best faces that are scored and as large (square pixels) as FTCN wants them.

    StyleFlow takes a score of 0.5 and every size.
    """
    boxes, scores, landmarks = (values[:_CANDIDATES] for values in faces)
    sides = boxes[:, 2:] - boxes[:, :2]
    kept = (scores > min_score) & (sides.prod(axis=1) > min_area)
    return Faces(boxes[kept], scores[kept], landmarks[kept])


def overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return the intersection over union of one box with each of ``(K, 4)``."""
    corner, opposite = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.clip(opposite - corner, 0, None).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    union = (box[2:] - box[:2]).prod() + areas - shared
    shares: np.ndarray = np.divide(shared, union, out=np.zeros(len(boxes)), where=union > 0)
    return shares


def follow(frames: Sequence[Faces]) -> list[list[int]]:
    """Return each face that can be followed through all frames, as its index in every frame."""
    paths = _begin(frames[0])
    for previous, faces in itertools.pairwise(frames):
        paths = _extend(paths, previous, faces)
    return paths


def _begin(faces: Faces) -> list[list[int]]:
    """Paths from a first frame: well-scored faces that are no copy of a better one."""
    return [
        [index]
        for index, box in enumerate(faces.boxes)
        if faces.scores[index] >= _START_SCORE and (overlaps(box, faces.boxes[:index]) <= _SAME_FACE).all()
    ]


def _extend(paths: list[list[int]], previous: Faces, faces: Faces) -> list[list[int]]:
    """Go on with the face nearest to the one before; paths whose face is gone end."""
    if not len(faces.boxes):
        return []
    longer = []
    for path in paths:
        shared = overlaps(previous.boxes[path[-1]], faces.boxes)
        if shared.max() >= _SAME_FACE:
            longer.append([*path, int(shared.argmax())])
    return longer


def tracks(frames: Sequence[Faces]) -> list[Track]:
    """Return the tracks to be judged.

    Faces that are there from the first to the last frame, if any; else the first face of each stretch without
    a change in the number of faces followed. As published, the first frame after a break is lost.
    """
    if not frames:
        return []
    paths = follow(frames)
    if paths:
        return [_track(frames, 0, path) for path in paths]
    return [_track(frames, start, path) for start, path in _stretches(frames)]


def _stretches(frames: Sequence[Faces]) -> list[tuple[int, list[int]]]:
    found = []
    start, count = 0, -1
    while start < len(frames):
        end, before, paths = start + 1, list[list[int]](), _begin(frames[start])
        while (steady := bool(paths) and count in (-1, len(paths))) and end < len(frames):
            before, count = paths, len(paths)
            paths = _extend(paths, frames[end - 1], frames[end])
            end += 1
        count = len(paths)
        whole = paths if steady else before
        if end - start > _SHORTEST and whole:
            found.append((start, whole[0]))
        start = end if steady else max(end - 1, start + 1)
    return found


def _track(frames: Sequence[Faces], start: int, path: list[int]) -> Track:
    pairs = list(zip(frames[start : start + len(path)], path, strict=True))
    boxes = np.stack([faces.boxes[index] for faces, index in pairs])
    landmarks = np.stack([faces.landmarks[index] for faces, index in pairs])
    return Track(start, start + len(path), boxes, landmarks)


def windows(count: int, stride: int = 1) -> list[list[int]]:
    """Return windows of 32 of ``count`` frames; with a stride above 1 the last one is among them, too.

    Fewer than 32 frames are played back and forth before and after, by 31 frames each.
    """
    frames = list(range(count))
    if 0 < count < CLIP:
        inner = frames[-2:0:-1]
        extra = CLIP - 1
        before, after = (half * (extra // len(half) + 1) for half in (frames + inner, inner + frames))
        frames = before[-extra:] + frames + after[:extra]
    last = len(frames) - CLIP
    starts = sorted({*range(0, last + 1, stride), last}) if last >= 0 else []
    return [frames[start : start + CLIP] for start in starts]
