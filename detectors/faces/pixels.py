"""Two operations on pixels as OpenCV 5 does them, to the last bit: published models saw its pictures."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def warp_affine(frames: Tensor, matrix: np.ndarray, side: int) -> Tensor:
    """Warp uint8 ``(N, H, W, 3)`` to ``(N, side, side, 3)``: bilinear, black outside (cv2.warpAffine).

    Args:
        matrix: float64 ``(2, 3)``, from a pixel's place in the frames to its place in the result.
    """
    height, width = frames.shape[1:3]
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2].astype(np.float32)
    place = torch.arange(side, device=frames.device)
    x, y = (_places(row.tolist(), place) for row in inverse)
    padded = F.pad(frames, (0, 0, 2, 2, 2, 2))
    column, row = (
        (values.floor().long() + 2).clamp(0, size + 2) for values, size in ((x, width), (y, height))
    )
    right, down = (x - x.floor())[..., None], (y - y.floor())[..., None]
    upper = torch.lerp(padded[:, row, column].float(), padded[:, row, column + 1].float(), right)
    lower = torch.lerp(padded[:, row + 1, column].float(), padded[:, row + 1, column + 1].float(), right)
    return torch.lerp(upper, lower, down).round().to(torch.uint8)


def _places(coefficients: list[float], place: Tensor) -> Tensor:
    """``a x + b y + c`` for every pixel, ``(side, side)``, fused and rounded in OpenCV's order."""
    a, b, c = coefficients
    rows = place.float() * b + c
    return (place.double() * a + rows.double()[:, None]).float()


def resize(image: Tensor, side: int) -> Tensor:
    """Scale uint8 ``(H, W, 3)`` to ``(side, side, 3)``, bilinear, not antialiased (cv2.resize)."""
    height, width = image.shape[:2]
    whole = image.int()
    left, right, share, rest = _weights(width, side, image.device)
    inside = (left >= 0) & (left < width - 1)
    share = torch.where(inside, share, 0)[:, None]
    rest = torch.where(inside, rest, 2048)[:, None]
    rows = whole[:, left.clamp(0, width - 1)] * rest + whole[:, right] * share
    up, down, share, rest = _weights(height, side, image.device)
    upper, lower = rows[up.clamp(0, height - 1)] >> 4, rows[down] >> 4
    mixed = (upper * rest[:, None, None] >> 16) + (lower * share[:, None, None] >> 16)
    return ((mixed + 2) >> 2).to(torch.uint8)


def _weights(size: int, side: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Both neighbours of each new pixel, and their shares in 1/2048 (second, first)."""
    place = ((torch.arange(side, dtype=torch.float64) + 0.5) * (size / side) - 0.5).float()
    first = place.floor()
    share = place - first
    parts = [(value * 2048).round().int().to(device) for value in (share, 1 - share)]
    index = first.long().to(device)
    return index, (index + 1).clamp(0, size - 1), parts[0], parts[1]
