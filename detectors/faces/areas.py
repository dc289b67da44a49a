"""Shrinking pictures by averaging areas: whole pictures, and many parts of them at once.

Each target pixel is the mean of the source pixels that it touches, as PyTorch's adaptive average pooling has
it. On a processor whole pictures are averaged over rows, turned, and averaged over rows again, as what lies
together is quickly added; parts are pooled one by one. Elsewhere, where every call costs, parts come out of
one table with the sums of all rectangles that begin in the corner (an integral image): a mean takes four
look-ups whatever its size.
"""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

_INT32_PIXELS = (1 << 31) // 255


class Areas:
    """Pictures of uint8 ``(N, H, W, 3)``, and what is made of them once, on the device where they lie.

    Args:
        table: whether parts come out of a table of sums; where not said, everywhere but on a processor.
    """

    def __init__(self, pictures: Tensor, *, table: bool | None = None) -> None:
        self._bytes = pictures.permute(0, 3, 1, 2).contiguous()
        self.height, self.width = pictures.shape[1:3]
        self._table = self.device.type != "cpu" if table is None else table

    @property
    def device(self) -> torch.device:
        """Where the pictures lie."""
        return self._bytes.device

    @cached_property
    def _floats(self) -> Tensor:
        return self._bytes.float()

    @cached_property
    def _sums(self) -> Tensor:
        """``(N, H + 1, W + 1, 3)``"""
        pictures = self._bytes.permute(0, 2, 3, 1)
        kind = torch.int32 if self.height * self.width < _INT32_PIXELS else torch.int64
        sums = pictures.new_zeros((len(pictures), self.height + 1, self.width + 1, 3), dtype=kind)
        inner = sums[:, 1:, 1:]
        torch.cumsum(pictures, dim=2, dtype=kind, out=inner)
        torch.cumsum(inner, dim=1, dtype=kind, out=inner)
        return sums

    def resized(self, height: int, width: int) -> Tensor:
        """All pictures shrunk: float32 ``(N, 3, height, width)`` in [0, 255]."""
        if self.device.type != "cpu":
            return F.interpolate(self._floats, (height, width), mode="area")
        rows, columns = _bags(self.height, height), _bags(self.width, width)
        shrunk = torch.empty(len(self._floats) * 3, height, width)
        for plane, target in zip(self._floats.flatten(0, 1), shrunk, strict=True):
            low = _row_means(plane, *rows)
            target.copy_(_row_means(low.t().contiguous(), *columns).t())
        return shrunk.view(-1, 3, height, width)

    def crops(self, owner: Tensor, boxes: Tensor, side: int) -> Tensor:
        """Parts of pictures, shrunk or stretched to squares: float32 ``(n, 3, side, side)`` in [0, 255].

        Args:
            owner: the picture's number of each, ``(n,)``.
            boxes: whole-numbered ``(n, 4)`` left, top, right, bottom inside of it, right and bottom out.
        """
        if self._table:
            return self._looked_up(owner, boxes, side)
        squares = torch.empty(len(boxes), 3, side, side)
        for square, number, box in zip(squares, owner.tolist(), boxes.tolist(), strict=True):
            left, top, right, bottom = box
            part = self._bytes[number, :, top:bottom, left:right].float()
            square.copy_(F.adaptive_avg_pool2d(part, side))
        return squares

    def _looked_up(self, owner: Tensor, boxes: Tensor, side: int) -> Tensor:
        x, y = (_edges(boxes[:, axis + 2] - boxes[:, axis], side, self.device) for axis in (0, 1))
        left, right = (edge + boxes[:, :1] for edge in x)
        top, bottom = (edge + boxes[:, 1:2] for edge in y)
        corner = owner[:, None, None]

        def sums(rows: Tensor, columns: Tensor) -> Tensor:
            return self._sums[corner, rows[:, :, None], columns[:, None, :]]

        totals = sums(bottom, right) - sums(top, right) - sums(bottom, left) + sums(top, left)
        counts = (bottom - top)[:, :, None, None] * (right - left)[:, None, :, None]
        return (totals / counts).permute(0, 3, 1, 2)


def _row_means(plane: Tensor, rows: Tensor, firsts: Tensor) -> Tensor:
    return F.embedding_bag(rows, plane, firsts, mode="mean")


def _bags(length: int, target: int) -> tuple[Tensor, Tensor]:
    """The source pixels of all target pixels, one behind another, and where those of each begin."""
    first, last = (edge[0] for edge in _edges(torch.tensor([length]), target, torch.device("cpu")))
    sizes = last - first
    begins = sizes.cumsum(0) - sizes
    return torch.arange(int(sizes.sum())) + torch.repeat_interleave(first - begins, sizes), begins


def _edges(lengths: Tensor, target: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """First and one past the last source pixel of each target pixel, ``(len(lengths), target)`` each."""
    place = torch.arange(target, device=device)
    source = lengths.to(device)[:, None]
    first = torch.div(place * source, target, rounding_mode="floor")
    return first, torch.div((place + 1) * source + target - 1, target, rounding_mode="floor")
