"""The view FACES: faces found once per medium, cut out as each detector wants them.

Faces are looked for in small copies of the frames and cut out of the frames themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from analysis.views import Made, Views
from detectors.base import View
from detectors.errors import NotApplicable
from detectors.face_crops import MIN_SIDE

if TYPE_CHECKING:
    from torch import Tensor

    from detectors.faces.retinaface import Faces
    from detectors.record import WeightsRecord

SIDE = 224
FACES_PER_FRAME = 4
FACES_PER_MEDIUM = 60
_SEARCHED_SIDE = 640  # longest side of the copies
_SMALLEST_SOUGHT = 40  # pixels of the frame; a face's crop must have 64
_SMALLEST_SEEN = 20  # pixels of the copy
# Faces get 0.99 and more, almost always; what else looks like one stays below.
_CONFIDENT = 0.95


class FaceFinder(Protocol):
    """What finds faces, such as `detectors.faces.mtcnn.MTCNN`."""

    def find(self, frames: Tensor, min_face: float = ...) -> list[Faces]:
        """Find the faces, ``min_face`` pixels and larger, of each frame of uint8 ``(N, H, W, 3)``."""


class Face(NamedTuple):
    """One face: the frame's number in the view FRAMES, the box (x1, y1, x2, y2) in its pixels, and how sure
    the finder is, in [0, 1].
    """

    frame: int
    box: tuple[float, float, float, float]
    confidence: float

    @property
    def size(self) -> float:
        """The box's longer side in pixels."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])


class FindFaces:
    """Finds the faces of a medium; ``finder`` is made at the first of them, or by `load`."""

    def __init__(self, finder: Callable[[], FaceFinder]) -> None:
        self._make = finder
        self._finder: FaceFinder | None = None

    def load(self) -> FaceFinder:
        """Make the finder, once."""
        if self._finder is None:
            self._finder = self._make()
        return self._finder

    def __call__(self, views: Views) -> list[list[Face]]:
        """The confident faces of each frame, the largest first, at most `FACES_PER_FRAME`.

        Raises:
            NotApplicable: there are no frames, or no face in any.
        """
        found = locate(views.get(View.FRAMES), self.load())
        if not any(found):
            raise NotApplicable("no face was found")
        return found


@dataclass(frozen=True)
class CropFaces:
    """Makes the view FACES: squares of ``margin`` times a face's longer side, inside the frame.

    ``resample`` is how they become 224 x 224: ``area`` (OpenCV's INTER_AREA), or Pillow's ``bilinear`` or
    ``bicubic``. A detector's record says both as ``face_margin`` and ``face_resample``.
    """

    faces: FindFaces
    margin: float = 1.0
    resample: str = "area"

    @classmethod
    def tailor(cls, faces: FindFaces, record: WeightsRecord) -> CropFaces:
        """The crops that a detector wants; the finder is loaded then."""
        faces.load()
        margin, resample = (
            record.preprocessing.get(key, default)
            for key, default in (("face_margin", cls.margin), ("face_resample", cls.resample))
        )
        return cls(faces, float(margin), str(resample))

    def __call__(self, views: Views) -> Made:
        """uint8 ``(N, 224, 224, 3)``; as evidence each crop's face.

        Raises:
            NotApplicable: no face, or faces too small for a crop of 64 pixels.
        """
        import torch

        frames = views.get(View.FRAMES)
        found = views.once(self.faces)
        boxed = [[(face, crop_box(face, self.margin, frames)) for face in faces] for faces in found]
        large = [[(face, box) for face, box in faces if box[2] >= MIN_SIDE] for faces in boxed]
        chosen = _choose(large)
        if not chosen:
            side = max(box[2] for faces in boxed for _, box in faces)
            raise NotApplicable(
                f"the faces are too small to judge ({side} x {side} pixels; at least {MIN_SIDE} each way)"
            )
        crops = [
            _resize(frames[face.frame, top : top + side, left : left + side], self.resample)
            for face, (left, top, side) in chosen
        ]
        return Made(torch.stack(crops), {"faces": [_described(face) for face, _ in chosen]})


def locate(frames: Tensor, finder: FaceFinder) -> list[list[Face]]:
    """Find the confident faces of each frame of uint8 ``(N, H, W, 3)``, the largest first."""
    height, width = frames.shape[1:3]
    copies, scale = _copies(frames)
    found = finder.find(copies, max(_SMALLEST_SEEN, _SMALLEST_SOUGHT * scale))
    result = []
    for number, faces in enumerate(found):
        limits = (width, height, width, height)
        sure = [
            Face(number, _clipped([length / scale for length in box], limits), score)
            for box, score in zip(faces.boxes.tolist(), faces.scores.tolist(), strict=True)
            if score >= _CONFIDENT
        ]
        inside = [face for face in sure if face.box[0] < face.box[2] and face.box[1] < face.box[3]]
        inside.sort(key=lambda face: face.size * face.confidence, reverse=True)
        result.append(inside[:FACES_PER_FRAME])
    return result


def crop_box(face: Face, margin: float, frames: Tensor) -> tuple[int, int, int]:
    """Left, top and side of a face's square, moved into the frame and no larger than it."""
    height, width = frames.shape[1:3]
    x1, y1, x2, y2 = face.box
    side = min(round(margin * face.size), height, width)
    left, top = ((low + high - side) / 2 for low, high in ((x1, x2), (y1, y2)))
    return min(max(round(left), 0), width - side), min(max(round(top), 0), height - side), side


def _choose(frames: Sequence[Sequence[Any]]) -> list[Any]:
    """At most `FACES_PER_MEDIUM`, in time order: every frame's largest face before any second one."""
    ranked = [
        (rank, number)
        for rank in range(FACES_PER_FRAME)
        for number, _ in enumerate(frames)
        if rank < len(frames[number])
    ]
    return [frames[number][rank] for number, rank in sorted((n, r) for r, n in ranked[:FACES_PER_MEDIUM])]


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


def _resize(crop: Tensor, resample: str) -> Tensor:
    from PIL import Image

    from detectors import pixels
    from detectors.area_resize import area_resize

    if resample == "area":
        return area_resize(crop[None], SIDE, SIDE)[0]
    return pixels.squeeze(crop[None], SIDE, Image.Resampling[resample.upper()])[0]


def _described(face: Face) -> dict[str, Any]:
    box = [round(length, 1) for length in face.box]
    return {"frame": face.frame, "box": box, "confidence": round(face.confidence, 4)}
