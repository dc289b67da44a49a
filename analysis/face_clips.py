"""The view FACE_CLIPS: faces followed through the first frames of a video, aligned, 32 frames at a time.

Finding and following are those of `detectors.faces`; the finder's weights are a part of each detector's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.limits import Limits
from analysis.views import Views, row
from detectors.errors import NotApplicable

if TYPE_CHECKING:
    from torch import Tensor

    from detectors.faces.retinaface import Faces, RetinaFace
    from detectors.record import WeightsRecord

CLIPS_PER_MEDIUM = 16  # of the strides that records name; one that is asked for has all its clips
_PART = "face_finder"
_SEARCHED_SIDE = 640  # longest side of the copies that faces are looked for in


class FindInRow:
    """Finds the faces of each frame in a row, by one RetinaFace."""

    def __init__(self, network: RetinaFace) -> None:
        self._network = network

    def __call__(self, views: Views) -> list[Faces]:
        """The faces of each frame, the best first.

        Raises:
            NotApplicable: there are no frames in a row.
        """
        from detectors.faces.retinaface import find_faces

        return find_faces(self._network, views.once(row), _SEARCHED_SIDE)


class FaceFinders:
    """The face finders that detectors bring with them, each loaded once."""

    def __init__(self, device: str = "cpu", limits: Limits | None = None) -> None:
        self._device = device
        self._limits = limits or Limits()
        self._loaded: dict[str, FindInRow] = {}

    def tailor(self, record: WeightsRecord) -> AlignFaces:
        """The clips that a detector wants; its face finder is loaded then.

        Raises:
            WeightsError: the face finder's weights are missing, wrong, or not licensed for use.
        """
        from detectors.faces.alignment import SIDE, STRIDE
        from detectors.faces.tracking import CLIP

        file = record.parts[_PART].name
        if file not in self._loaded:
            self._loaded[file] = self._load(record)
        wish: Mapping[str, Any] = record.preprocessing
        side, asked = int(wish.get("side", SIDE)), self._limits.face_clip_stride
        room = max(self._limits.max_view_bytes // (CLIP * side * side * 3), 1)
        return AlignFaces(
            self._loaded[file],
            side=side,
            stride=asked or int(wish.get("stride", STRIDE)),
            most=room if asked else min(CLIPS_PER_MEDIUM, room),
            min_score=float(wish.get("face_min_score", 0.75)),
            min_area=float(wish.get("face_min_area", 5000)),
        )

    def _load(self, record: WeightsRecord) -> FindInRow:
        import torch

        from detectors import weights
        from detectors.faces.retinaface import RetinaFace

        with torch.device("meta"):
            network = RetinaFace()
        weights.load_into(network, record, part=_PART)
        return FindInRow(network.eval().to(torch.device(self._device)))


@dataclass(frozen=True)
class AlignFaces:
    """Makes the view FACE_CLIPS as one detector wants it, at most ``most`` clips; see `detectors.faces`."""

    faces: FindInRow
    side: int
    stride: int
    most: int
    min_score: float
    min_area: float

    def __call__(self, views: Views) -> Tensor:
        """uint8 ``(C, 32, side, side, 3)``, evenly spaced where there are more than ``most``.

        Raises:
            NotApplicable: no frames in a row, no face, or none that can be followed.
        """
        from detectors.faces.alignment import face_clips
        from detectors.faces.tracking import usable

        found = [usable(faces, self.min_score, self.min_area) for faces in views.once(self.faces)]
        if not any(len(faces.boxes) for faces in found):
            raise NotApplicable("no face was found")
        return face_clips(views.once(row), found, self.side, self.stride, most=self.most)


def unasked(views: Views) -> Tensor:
    """Raise TypeError: clips of faces are made for a detector only."""
    del views
    raise TypeError("clips of faces depend on the detector; ask with its record")
