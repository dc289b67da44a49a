"""Gradient filters: what LaDeDa and its kin look at instead of the picture (arXiv 2406.09398, section 4).

A low-level detector must not see what a picture shows, only how neighbouring pixels differ. All filters work
on each channel alone and keep the size.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

Gradient = Literal["NPR", "raw", "x_grad", "y_grad", "left_diag", "right_diag"]
GRADIENTS: tuple[Gradient, ...] = get_args(Gradient)

_KERNELS: dict[str, tuple[tuple[int, ...], ...]] = {
    "x_grad": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "y_grad": ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    "left_diag": ((0, 1, 2), (-1, 0, 1), (-2, -1, 0)),
    "right_diag": ((-2, -1, 0), (-1, 0, 1), (0, 1, 2)),
}


def apply(x: Tensor, kind: Gradient) -> Tensor:
    """Filter a batch.

    Args:
        x: float ``(N, C, H, W)``; H and W even for ``NPR``.
        kind: ``NPR`` (each pixel less the upper left one of its 2 x 2 cell, arXiv 2312.10461), ``raw``
            (nothing), or a 3 x 3 cross-correlation with zero padding.

    Returns:
        float ``(N, C, H, W)``.

    Raises:
        ValueError: H or W is odd (``NPR``).
    """
    if kind == "raw":
        return x
    if kind == "NPR":
        return _neighbouring_pixel_relations(x)
    kernel = torch.tensor(_KERNELS[kind], dtype=x.dtype, device=x.device)
    channels = x.shape[1]
    return F.conv2d(x, kernel.expand(channels, 1, 3, 3), padding=1, groups=channels)


def _neighbouring_pixel_relations(x: Tensor) -> Tensor:
    height, width = x.shape[-2:]
    if height % 2 or width % 2:
        raise ValueError(f"NPR needs even sides, not {width} x {height}; crop one row or column")
    corners = x[..., ::2, ::2].repeat_interleave(2, dim=-2).repeat_interleave(2, dim=-1)
    return x - corners
