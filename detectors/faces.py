"""What detectors of faces share: when they decline, and how they crop, shrink and normalise."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from detectors.errors import NotApplicable

MIN_SIDE = 64
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


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


def normalise(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Map pixels ``(N, H, W, 3)``, uint8 or float in 0 to 255, to float32 ``(N, 3, H, W)``."""
    scaled = pixels.permute(0, 3, 1, 2).to(torch.float32) / 255
    centre = torch.tensor(mean, device=pixels.device).view(3, 1, 1)
    return (scaled - centre) / torch.tensor(std, device=pixels.device).view(3, 1, 1)


def rounded(scores: Tensor) -> list[float]:
    """Each face's score as evidence: four decimals."""
    return [round(score, 4) for score in scores.tolist()]
