"""Shrinking pictures by averaging areas; many parts of them at once out of one table of sums.

Each target pixel is the mean of the source pixels that it touches, as PyTorch's adaptive average pooling has
it. With the sums of all rectangles that begin in the corner (an integral image), a mean takes four look-ups
whatever its size.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_INT32_PIXELS = (1 << 31) // 255


class Areas:
    """Pictures of uint8 ``(N, H, W, 3)`` and their sums, on the device where they lie."""

    def __init__(self, pictures: Tensor) -> None:
        self._pictures = pictures.permute(0, 3, 1, 2).float().contiguous()
        count, self.height, self.width = pictures.shape[:3]
        kind = torch.int32 if self.height * self.width < _INT32_PIXELS else torch.int64
        sums = pictures.new_zeros((count, self.height + 1, self.width + 1, 3), dtype=kind)
        inner = sums[:, 1:, 1:]
        torch.cumsum(pictures, dim=2, dtype=kind, out=inner)
        torch.cumsum(inner, dim=1, dtype=kind, out=inner)
        self._sums = sums

    @property
    def device(self) -> torch.device:
        """Where the sums lie."""
        return self._sums.device

    def resized(self, height: int, width: int) -> Tensor:
        """All pictures shrunk: float32 ``(N, 3, height, width)`` in [0, 255]."""
        # For whole pictures this is quicker than the table: what is looked up there does not lie together.
        return F.interpolate(self._pictures, (height, width), mode="area")

    def crops(self, owner: Tensor, boxes: Tensor, side: int) -> Tensor:
        """Parts of pictures, shrunk or stretched to squares: float32 ``(n, 3, side, side)`` in [0, 255].

        Args:
            owner: the picture's number of each, ``(n,)``.
            boxes: whole-numbered ``(n, 4)`` left, top, right, bottom inside of it, right and bottom out.
        """
        x, y = (_edges(boxes[:, axis + 2] - boxes[:, axis], side, self.device) for axis in (0, 1))
        left, right = (edge + boxes[:, :1] for edge in x)
        top, bottom = (edge + boxes[:, 1:2] for edge in y)
        corner = owner[:, None, None]

        def sums(rows: Tensor, columns: Tensor) -> Tensor:
            return self._sums[corner, rows[:, :, None], columns[:, None, :]]

        totals = sums(bottom, right) - sums(top, right) - sums(bottom, left) + sums(top, left)
        counts = (bottom - top)[:, :, None, None] * (right - left)[:, None, :, None]
        return (totals / counts).permute(0, 3, 1, 2)


def _edges(lengths: Tensor, target: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """First and one past the last source pixel of each target pixel, ``(len(lengths), target)`` each."""
    place = torch.arange(target, device=device)
    source = lengths.to(device)[:, None]
    first = torch.div(place * source, target, rounding_mode="floor")
    return first, torch.div((place + 1) * source + target - 1, target, rounding_mode="floor")
