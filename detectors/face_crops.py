"""What detectors of single faces share: how far a face reaches, and when they decline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from detectors.errors import NotApplicable

if TYPE_CHECKING:
    from torch import Tensor

MIN_SIDE = 64


def require(view: Tensor) -> None:
    """Check that a FACES view holds something to judge.

    Raises:
        NotApplicable: no face, or crops with a side shorter than 64 pixels.
    """
    count, height, width = view.shape[:3]
    if count == 0:
        raise NotApplicable("no face was found")
    if min(height, width) < MIN_SIDE:
        raise NotApplicable(
            f"the faces are too small to judge ({width} x {height} pixels; at least {MIN_SIDE} each way)"
        )


def outline(points: Sequence[Sequence[float]]) -> tuple[float, float, float, float]:
    """Return the box (left, top, right, bottom) around jaw and brows of a mean face laid on five points.

    It is about a fifth smaller than MTCNN's box of the same face, and lies lower.
    """
    import numpy as np

    from detectors.generation import face_shapes

    around = face_shapes.fit(np.asarray(points, dtype=np.float64))[:68]
    (left, top), (right, bottom) = around.min(axis=0), around.max(axis=0)
    return float(left), float(top), float(right), float(bottom)
