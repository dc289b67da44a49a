"""The network of `veritag_face`: small and residual, with a second head for where a face was altered."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 112
MASK_SIDE = 14
WIDTHS = (16, 32, 64, 128)
_LUMA = (0.299, 0.587, 0.114)


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


def _around(band: Tensor, cell: int) -> Tensor:
    """The logarithm of a band's mean strength around each place, one per cell of ``cell`` pixels."""
    return torch.log(F.avg_pool2d(band.abs(), 2 * cell, cell, cell // 2, count_include_pad=False) + 0.004)


def traces(faces: Tensor) -> Tensor:
    """Map RGB ``(N, 3, H, W)`` in [0, 1] to six planes ``(N, 6, H, W)`` in which a foreign part stands out.

    Colours, standardised by the whole crop, so that its colour cast, brightness and contrast say nothing; the
    finest detail; how strong detail is around each pixel, in a coarser band, and how much less the finest
    band has: how sharp each place is.
    """
    x = faces - faces.mean(dim=(2, 3), keepdim=True)
    x = x / (x.square().mean(dim=(1, 2, 3), keepdim=True).sqrt() + 0.02)
    luma = (x * x.new_tensor(_LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    half = F.avg_pool2d(luma, 2)
    fine = luma - F.interpolate(half, scale_factor=2.0, mode="nearest")
    coarse = half - F.interpolate(F.avg_pool2d(half, 4), scale_factor=4.0, mode="nearest")
    strong = torch.cat([_around(coarse, 2), _around(fine, 4)], dim=1)
    strong = torch.stack([strong[:, 0] + 2, strong[:, 1] - strong[:, 0] + 1], dim=1)
    planes = [x, 4 * fine, F.interpolate(strong, scale_factor=4.0, mode="bilinear")]
    return torch.cat(planes, dim=1).contiguous(memory_format=torch.channels_last)


class VeritagFaceNetwork(nn.Module):
    """Maps faces ``(N, 3, 112, 112)`` in [0, 1] to logits."""

    def __init__(self, widths: tuple[int, int, int, int] = WIDTHS, dropout: float = 0.2) -> None:
        super().__init__()
        a, b, c, d = widths
        self.fine = nn.Sequential(_conv(6, a, 2), _Block(a), _conv(a, b, 2), _Block(b), _Block(b))
        self.middle = nn.Sequential(_conv(b, c, 2), _Block(c), _Block(c))
        self.coarse = nn.Sequential(_conv(c, d, 2), _Block(d))
        self.lateral = nn.Conv2d(d, c, 1)
        self.merged = _conv(c, c // 2)
        self.where = nn.Conv2d(c // 2, 1, 1)
        self.dropout = nn.Dropout(dropout)
        self.whether = nn.Linear(d + c + 2, 1)

    def both(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """Return the faces' logits ``(N,)``, and logits of where they were altered ``(N, 14, 14)``."""
        middle = self.middle(self.fine(traces(faces)))
        coarse = self.coarse(middle)
        grown = F.interpolate(self.lateral(coarse), scale_factor=2.0, mode="nearest")
        merged = self.merged(F.relu(middle + grown))
        where = self.where(merged)[:, 0]
        flat = where.flatten(1)
        attention = torch.softmax(flat.float(), dim=1)[:, None]
        inside = (merged.flatten(2) * attention).sum(dim=2)
        outside = merged.mean(dim=(2, 3))
        levels = torch.stack([flat.mean(dim=1), flat.amax(dim=1)], dim=1)
        features = torch.cat([coarse.mean(dim=(2, 3)), inside, outside, levels * 0.2], dim=1)
        return self.whether(self.dropout(features))[:, 0], where

    def forward(self, faces: Tensor) -> Tensor:
        """Return one logit per face, ``(N,)``; positive = fake."""
        return self.both(faces)[0]
