"""What detectors of single faces share: when they decline."""

from __future__ import annotations

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
