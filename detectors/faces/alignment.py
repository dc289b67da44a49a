"""Clips of one aligned face: cut out with a margin, then one similarity transform for all 32 frames.

One transform per clip keeps the face's own movement, which is what the video detectors judge.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from detectors.errors import NotApplicable
from detectors.faces.pixels import warp_affine
from detectors.faces.retinaface import Faces
from detectors.faces.tracking import CLIP, Track, tracks, windows

SIDE = 224
STRIDE = 64  # frames from one clip to the next: half a minute of video gives some dozen clips
_MARGIN = 0.5
# Eyes, nose and corners of the mouth in a picture of 256 x 256.
_TEMPLATE = np.array(
    [
        (85.82991, 85.7792),
        (169.0532, 84.3381),
        (127.574, 137.0006),
        (90.6964, 174.7014),
        (167.3069, 173.3733),
    ]
)


def template(side: int = SIDE) -> np.ndarray:
    """Return where the five points of a face belong in an aligned picture, ``(5, 2)``."""
    points: np.ndarray = _TEMPLATE * side / 256
    return points


def crop_boxes(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return the boxes ``(n, 4)`` with half their size around them, in the frame, as int64."""
    rounded = np.rint(boxes)
    margin = _MARGIN * np.tile(rounded[:, 2:] - rounded[:, :2], 2) * (-1, -1, 1, 1)
    limits = np.array([width - 1, height - 1] * 2)
    crops: np.ndarray = np.rint(np.clip(rounded + margin, 0, limits)).astype(np.int64)
    return crops


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the least-squares scale, rotation and shift ``(2, 3)`` from points ``(n, 2)`` to others."""
    centre, aim = source.mean(axis=0), target.mean(axis=0)
    s, t = source - centre, target - aim
    spread = (s**2).sum()
    a, b = (s * t).sum() / spread, (s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0]).sum() / spread
    turn = np.array([[a, -b], [b, a]])
    return np.column_stack([turn, aim - turn @ centre])


def to_template(points: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Return the transform ``(2, 3)`` from the points ``(n, 5, 2)`` of a clip's frames to the template.

    As published it is fitted from the template to the points and then inverted.
    """
    copies = np.tile(template(side), (len(points), 1))
    forth = np.vstack([similarity(copies, points.reshape(-1, 2)), [0, 0, 1]])
    inverse: np.ndarray = np.linalg.inv(forth)[:2]
    return inverse


def align(frames: Tensor, crops: np.ndarray, landmarks: np.ndarray, side: int = SIDE) -> Tensor:
    """Align one clip.

    Args:
        frames: uint8 ``(T, H, W, 3)``.
        crops: `crop_boxes` ``(T, 4)``; what lies outside of a frame's own is black.
        landmarks: ``(T, 5, 2)`` in pixels of the frames.

    Returns:
        uint8 ``(T, side, side, 3)``.
    """
    corner, opposite = crops[:, :2].min(axis=0), crops[:, 2:].max(axis=0)
    width, height = (opposite - corner).tolist()
    canvas = frames.new_zeros(len(frames), height, width, 3)
    for target, frame, (x1, y1, x2, y2) in zip(canvas, frames, crops.tolist(), strict=True):
        left, top = x1 - int(corner[0]), y1 - int(corner[1])
        target[top : top + y2 - y1, left : left + x2 - x1] = frame[y1:y2, x1:x2]
    return warp_affine(canvas, to_template(landmarks - corner, side), side)


def track_clips(frames: Tensor, track: Track, side: int = SIDE, stride: int = STRIDE) -> list[Tensor]:
    """Return a track's clips, each uint8 ``(32, side, side, 3)``; ``frames`` are the whole video's."""
    return [_clip(frames, track, window, side) for window in windows(track.end - track.start, stride)]


def _clip(frames: Tensor, track: Track, window: list[int], side: int) -> Tensor:
    crops = crop_boxes(track.boxes[window], frames.shape[2], frames.shape[1])
    return align(frames[[track.start + i for i in window]], crops, track.landmarks[window], side)


def face_clips(
    frames: Tensor,
    faces: Sequence[Faces],
    side: int = SIDE,
    stride: int = STRIDE,
    most: int | None = None,
) -> Tensor:
    """Make the view `FACE_CLIPS`: uint8 ``(C, 32, side, side, 3)``.

    Args:
        frames: consecutive frames, uint8 ``(N, H, W, 3)``.
        faces: the faces of each, after `tracking.usable`.
        stride: frames from one clip to the next; 1 as published, at some 64 times the default's cost.
        most: of more clips than this, so many are made, evenly spaced through the tracks.

    Raises:
        NotApplicable: no face can be followed.
    """
    wanted = [
        (track, window) for track in tracks(faces) for window in windows(track.end - track.start, stride)
    ]
    if not wanted:
        raise NotApplicable("no face could be followed from frame to frame")
    if most is not None and len(wanted) > most:
        wanted = [wanted[number * len(wanted) // most] for number in range(most)]
    clips = torch.stack([_clip(frames, track, window, side) for track, window in wanted])
    assert clips.shape[1] == CLIP
    return clips
