"""The view FACES: faces found once per medium, cut out of the frames as each detector wants them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.finding import FACES_PER_FRAME, Face, FaceFinder, locate
from analysis.views import Made, Views
from detectors.base import View
from detectors.errors import NotApplicable
from detectors.face_crops import MIN_SIDE, outline

if TYPE_CHECKING:
    from torch import Tensor

    from detectors.record import WeightsRecord

SIDE = 224
FACES_PER_MEDIUM = 60


class FindFaces:
    """Finds the faces of a medium; ``finder`` is made at the first of them, or by `load`.

    ``exact``: see `analysis.finding.locate`.
    """

    def __init__(self, finder: Callable[[], FaceFinder], *, exact: bool = False) -> None:
        self._make = finder
        self._exact = exact
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
        found = locate(views.get(View.FRAMES), self.load(), exact=self._exact)
        if not any(found):
            raise NotApplicable("no face was found")
        return found


@dataclass(frozen=True)
class CropFaces:
    """Makes the view FACES: squares of ``margin`` times a face's longer side, inside the frame.

    ``resample`` is how they become 224 x 224: ``area`` (OpenCV's INTER_AREA), or Pillow's ``bilinear`` or
    ``bicubic``. ``around`` is what counts as the face: the finder's ``box``, or the ``outline`` that its five
    points tell (`detectors.face_crops.outline`). A detector's record says them as ``face_margin``,
    ``face_resample`` and ``face_around``.
    """

    faces: FindFaces
    margin: float = 1.0
    resample: str = "area"
    around: str = "box"

    @classmethod
    def tailor(cls, faces: FindFaces, record: WeightsRecord) -> CropFaces:
        """The crops that a detector wants; the finder is loaded then."""
        faces.load()
        wish = record.preprocessing
        margin, resample = wish.get("face_margin", cls.margin), wish.get("face_resample", cls.resample)
        return cls(faces, float(margin), str(resample), str(wish.get("face_around", cls.around)))

    def __call__(self, views: Views) -> Made:
        """uint8 ``(N, 224, 224, 3)``; as evidence each crop's face.

        Raises:
            NotApplicable: no face, or faces too small for a crop of 64 pixels.
        """
        import torch

        frames = views.get(View.FRAMES)
        found = views.once(self.faces)
        boxed = [
            [(face, crop_box(face, self.margin, frames, self.around)) for face in faces] for faces in found
        ]
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


def crop_box(face: Face, margin: float, frames: Tensor, around: str = "box") -> tuple[int, int, int]:
    """Left, top and side of a face's square, moved into the frame and no larger than it."""
    height, width = frames.shape[1:3]
    x1, y1, x2, y2 = outline(face.points) if around == "outline" else face.box
    side = min(round(margin * max(x2 - x1, y2 - y1)), height, width)
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
