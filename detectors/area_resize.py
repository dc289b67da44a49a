"""Resizing as OpenCV's INTER_AREA does it, to the pixel: face crops of published detectors were made so.

Shrinking averages each target pixel's area of the source. Where a side grows, OpenCV interpolates linearly
instead, in 11-bit fixed point, and holds source pixels as long as a target pixel lies wholly inside one.
"""

from __future__ import annotations

import torch
from torch import Tensor

_UNIT = 1 << 11
_NEGLIGIBLE = 1e-3  # OpenCV leaves out parts of a source pixel below this


def area_resize(pixels: Tensor, height: int, width: int) -> Tensor:
    """Resize uint8 ``(N, H, W, C)`` to uint8 ``(N, height, width, C)``."""
    source = pixels.shape[1:3]
    if source == (height, width):
        return pixels
    if source[0] >= height and source[1] >= width:
        return _shrink(pixels, height, width)
    return _enlarge(pixels, height, width)


def _shrink(pixels: Tensor, height: int, width: int) -> Tensor:
    down, across = pixels.shape[1] / height, pixels.shape[2] / width
    if down.is_integer() and across.is_integer():
        return _shrink_evenly(pixels, int(down), int(across))
    rows = _overlaps(pixels.shape[1], height, pixels.device)
    columns = _overlaps(pixels.shape[2], width, pixels.device)
    averaged = torch.einsum("yh,nhwc,xw->nyxc", rows, pixels.float(), columns)
    return averaged.round().clamp(0, 255).to(torch.uint8)


def _shrink_evenly(pixels: Tensor, down: int, across: int) -> Tensor:
    count, height, width, channels = pixels.shape
    blocks = pixels.float().reshape(count, height // down, down, width // across, across, channels)
    averaged = blocks.sum(dim=(2, 4)) * (1 / (down * across))
    if down == across == 2:
        return (averaged + 0.5).floor().to(torch.uint8)  # OpenCV rounds this most common case by a shift
    return averaged.round().to(torch.uint8)


def _overlaps(source: int, target: int, device: torch.device) -> Tensor:
    """Share of each source pixel in each target pixel, ``(target, source)``; rows sum to one."""
    scale = source / target
    left = torch.arange(target, dtype=torch.float64)[:, None] * scale
    pixel = torch.arange(source, dtype=torch.float64)
    overlap = torch.minimum(left + scale, pixel + 1) - torch.maximum(left, pixel)
    overlap = torch.where(overlap > _NEGLIGIBLE, overlap, 0.0)
    return (overlap / torch.clamp(source - left, max=scale)).to(device, torch.float32)


def _enlarge(pixels: Tensor, height: int, width: int) -> Tensor:
    top, bottom, below = _neighbours(pixels.shape[1], height, pixels.device)
    left, right, beside = _neighbours(pixels.shape[2], width, pixels.device)
    values = pixels.int()
    beside = beside[:, None]
    rows = values[:, :, left] * (_UNIT - beside) + values[:, :, right] * beside
    below = below[:, None, None]
    # The shifts are those of OpenCV's vertical pass: it drops low bits before it adds.
    upper = ((_UNIT - below) * (rows[:, top] >> 4)) >> 16
    lower = (below * (rows[:, bottom] >> 4)) >> 16
    return ((upper + lower + 2) >> 2).clamp(0, 255).to(torch.uint8)


def _neighbours(source: int, target: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """For each target pixel two source pixels and the second one's share in units of 1 / 2048."""
    growth = target / source
    index = torch.arange(target, dtype=torch.float64)
    first = (index * (1 / growth)).floor()
    share = (index + 1) - (first + 1) * growth
    share = torch.where(share > 0, share - share.floor(), 0.0).float()
    fixed = (share * _UNIT).round().int()
    second = torch.clamp(first + 1, max=source - 1)
    return first.long().to(device), second.long().to(device), fixed.to(device)
