"""Finding faces in the frames of a medium: in small copies, and from frame to frame by following.

Every third frame is searched as a whole. In those between, a face is looked for only near where it is before
and after; a frame in which that loses one is searched as a whole after all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from detectors.faces.retinaface import Faces

FACES_PER_FRAME = 4
_SEARCHED_SIDE = 640  # longest side of the copies
_SMALLEST_SOUGHT = 40  # pixels of the frame; a face's crop must have 64
_SMALLEST_SEEN = 20  # pixels of the copy, and of the frame where the frames themselves are searched
# Faces get 0.99 and more, almost always; what else looks like one stays below.
_CONFIDENT = 0.95
_EVERY = 3  # frames from one that is searched as a whole to the next
_NEAR = (1.0, 1.3)  # sides of the places where a face is looked for again, in sides of its box


class FaceFinder(Protocol):
    """What finds faces, such as `detectors.faces.mtcnn.MTCNN`."""

    def find(self, frames: Tensor, min_face: float = ...) -> list[Faces]:
        """Find the faces, ``min_face`` pixels and larger, of each frame of uint8 ``(N, H, W, 3)``."""

    def follow(self, frames: Tensor, places: Sequence[Tensor]) -> list[Faces]:
        """Find the faces near each frame's places ``(n, 4)``."""


class Face(NamedTuple):
    """One face: the frame's number in the view FRAMES, the box (x1, y1, x2, y2) in its pixels, how sure the
    finder is, in [0, 1], and where eyes, nose and corners of the mouth are, (x, y) each.
    """

    frame: int
    box: tuple[float, float, float, float]
    confidence: float
    points: tuple[tuple[float, float], ...] = ()

    @property
    def size(self) -> float:
        """The box's longer side in pixels."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])


def locate(frames: Tensor, finder: FaceFinder, *, exact: bool = False) -> list[list[Face]]:
    """Find the confident faces of each frame of uint8 ``(N, H, W, 3)``, the largest first.

    Args:
        exact: search each frame itself, as a whole, for faces of 20 pixels and more.
    """
    if exact:
        return [
            _confident(number, found, 1.0, frames)
            for number, found in enumerate(finder.find(frames, _SMALLEST_SEEN))
        ]
    copies, scale = _copies(frames)
    smallest = max(_SMALLEST_SEEN, _SMALLEST_SOUGHT * scale)
    found: dict[int, list[Face]] = {}

    def search(numbers: Sequence[int]) -> None:
        if numbers:
            each = finder.find(copies[list(numbers)], smallest)
            found.update(
                (n, _confident(n, faces, scale, frames)) for n, faces in zip(numbers, each, strict=True)
            )

    whole = sorted({*range(0, len(frames), _EVERY), len(frames) - 1})
    search(whole)
    between = {n: _neighbours(n, whole, found) for n in range(len(frames)) if n not in found}
    known = {n: faces for n, faces in between.items() if faces}
    if known:
        places = [_places(faces, scale) for faces in known.values()]
        for n, faces in zip(known, finder.follow(copies[list(known)], places), strict=True):
            found[n] = _confident(n, faces, scale, frames)
    # A face that comes and goes between two searched frames shows at neither of them: so much may be missed.
    fewest = {n: min(len(found[near]) for near in _around(n, whole)) for n in between}
    search([n for n in between if n not in known or len(found[n]) < max(1, fewest[n])])
    return [found[n] for n in range(len(frames))]


def _around(number: int, whole: Sequence[int]) -> tuple[int, int]:
    return max(n for n in whole if n < number), min(n for n in whole if n > number)


def _neighbours(number: int, whole: Sequence[int], found: dict[int, list[Face]]) -> list[Face]:
    return [face for near in _around(number, whole) for face in found[near]]


def _places(faces: Sequence[Face], scale: float) -> Tensor:
    """Where in the copies to look for the faces of the frames before and after."""
    import torch

    boxes = torch.tensor([face.box for face in faces]) * scale
    centres, halves = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    return torch.cat([torch.cat([centres - near * halves, centres + near * halves], dim=1) for near in _NEAR])


def _confident(number: int, faces: Faces, scale: float, frames: Tensor) -> list[Face]:
    height, width = frames.shape[1:3]
    limits = (width, height, width, height)
    sure = [
        Face(number, _clipped([length / scale for length in box], limits), score, _scaled(points, scale))
        for box, score, points in zip(*(values.tolist() for values in faces), strict=True)
        if score >= _CONFIDENT
    ]
    inside = [face for face in sure if face.box[0] < face.box[2] and face.box[1] < face.box[3]]
    inside.sort(key=lambda face: face.size * face.confidence, reverse=True)
    return inside[:FACES_PER_FRAME]


def _copies(frames: Tensor) -> tuple[Tensor, float]:
    """The frames with a longest side of at most 640 pixels, and the scale."""
    import torch
    from torch.nn import functional as F

    height, width = frames.shape[1:3]
    scale = _SEARCHED_SIDE / max(height, width)
    if scale >= 1:
        return frames, 1.0
    size = [max(1, round(length * scale)) for length in (height, width)]
    copies = (
        F.interpolate(frame.permute(2, 0, 1)[None], size, mode="bilinear", antialias=True) for frame in frames
    )
    return torch.cat(list(copies)).permute(0, 2, 3, 1), scale


def _clipped(box: Sequence[float], limits: Sequence[int]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (min(max(length, 0.0), limit) for length, limit in zip(box, limits, strict=True))
    return x1, y1, x2, y2


def _scaled(points: Sequence[Sequence[float]], scale: float) -> tuple[tuple[float, float], ...]:
    return tuple((x / scale, y / scale) for x, y in points)
