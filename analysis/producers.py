"""All views that this engine can make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from analysis.face_clips import FaceFinders, unasked
from analysis.faces import CropFaces, FindFaces
from analysis.limits import Limits
from analysis.views import PRODUCERS, Producer
from detectors.backends.base import Backend, Choice
from detectors.base import View

if TYPE_CHECKING:
    from detectors.faces.mtcnn import MTCNN
    from detectors.record import WeightsRecord


def producers_on(
    device: str, limits: Limits | None = None, choice: Choice | None = None
) -> Mapping[View, Producer]:
    """How each view is made; networks that it takes run on the device, and are loaded when first needed.

    Args:
        choice: who runs them; None: plain torch, and faces found in small copies.
    """
    finders = FaceFinders(device, limits)
    threads = None if choice is None or choice.backend is Backend.TORCH else choice.threads
    exact = choice is not None and choice.exact
    found = FindFaces(lambda: _mtcnn(device, threads), exact=exact)

    def crops(record: WeightsRecord) -> CropFaces:
        return CropFaces.tailor(found, record)

    return {
        **PRODUCERS,
        View.FACES: Producer(CropFaces(found), frames=True, tailor=crops),
        View.FACE_CLIPS: Producer(unasked, row=True, tailor=finders.tailor),
    }


def _mtcnn(device: str, threads: int | None) -> MTCNN:
    from detectors.faces.mtcnn import MTCNN

    return MTCNN(device, threads)
