"""What detectors of whole pictures share: when they decline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.errors import NotApplicable

if TYPE_CHECKING:
    from torch import Tensor

MIN_SIDE = 64


def require(view: Tensor, least: int = MIN_SIDE) -> None:
    """Check that a FRAMES view holds something to judge.

    Raises:
        NotApplicable: no frame, or frames with a side shorter than ``least`` pixels.
    """
    count, height, width = view.shape[:3]
    if count == 0:
        raise NotApplicable("no frame of this medium could be read")
    if min(height, width) < least:
        raise NotApplicable(
            f"the picture is too small to judge ({width} x {height} pixels; at least {least} each way)"
        )
