"""The encoder of pixel2style2pixel: a face to StyleGAN2's 18 x 512 latents (arXiv 2008.00951).

An IR-SE-50 with a feature pyramid; each of the 18 latents has a small convolutional head of its own.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 256
LATENTS = 18
WIDTH = 512
_GROUPS = ((64, 64, 3), (64, 128, 4), (128, 256, 14), (256, 512, 3))
_FINE, _MIDDLE = 6, 20  # units of the body that feed the pyramid, besides the last
_COARSE_HEADS, _MIDDLE_HEADS = 3, 7


class _SqueezeExcite(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // 16, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // 16, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        pooled = x.mean(dim=(2, 3), keepdim=True)
        gates: Tensor = torch.sigmoid(self.fc2(F.relu(self.fc1(pooled))))
        return x * gates


class _Unit(nn.Module):
    """Improved residual unit (norm first) with squeeze and excitation."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        if in_channels != out_channels:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(in_channels),
            nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
            nn.PReLU(out_channels),
            nn.Conv2d(out_channels, out_channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            _SqueezeExcite(out_channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        strided = x[:, :, :: self.stride, :: self.stride]
        shortcut = self.shortcut_layer(x) if hasattr(self, "shortcut_layer") else strided
        out: Tensor = shortcut + self.res_layer(x)
        return out


class _EqualLinear(nn.Linear):
    """A linear layer whose weights are divided by the square root of its inputs when they are used."""

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight / math.sqrt(self.in_features), self.bias)


class _StyleHead(nn.Module):
    """``(N, 512, size, size)`` to one latent ``(N, 512)``: halved until one pixel is left."""

    def __init__(self, size: int) -> None:
        super().__init__()
        halvings = int(math.log2(size))
        layers = [(nn.Conv2d(WIDTH, WIDTH, 3, 2, padding=1), nn.LeakyReLU()) for _ in range(halvings)]
        self.convs = nn.Sequential(*(layer for pair in layers for layer in pair))
        self.linear = _EqualLinear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        latent: Tensor = self.linear(self.convs(x).flatten(1))
        return latent


class PSPEncoder(nn.Module):
    """The encoder alone, without StyleGAN2's mean latent, which cancels in StyleFlow's differences."""

    def __init__(self) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)
        )
        self.body = nn.Sequential(
            *(
                _Unit(before if first else after, after, 2 if first else 1)
                for before, after, count in _GROUPS
                for first in [True] + [False] * (count - 1)
            )
        )
        self.styles = nn.ModuleList(_StyleHead(_head_size(index)) for index in range(LATENTS))
        self.latlayer1 = nn.Conv2d(256, WIDTH, 1)
        self.latlayer2 = nn.Conv2d(128, WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map faces ``(N, 3, 256, 256)`` in [-1, 1] to latents ``(N, 18, 512)``."""
        fine = self.body[: _FINE + 1](self.input_layer(x))
        middle = self.body[_FINE + 1 : _MIDDLE + 1](fine)
        coarse = self.body[_MIDDLE + 1 :](middle)
        middle = _add_enlarged(coarse, self.latlayer1(middle))
        fine = _add_enlarged(middle, self.latlayer2(fine))
        levels = {SIDE // 16: coarse, SIDE // 8: middle, SIDE // 4: fine}
        latents = [head(levels[_head_size(index)]) for index, head in enumerate(self.styles)]
        return torch.stack(latents, dim=1)


def _head_size(index: int) -> int:
    """Height and width of what the head of a latent sees: coarse latents see coarse features."""
    if index < _COARSE_HEADS:
        return SIDE // 16
    return SIDE // 8 if index < _MIDDLE_HEADS else SIDE // 4


def _add_enlarged(small: Tensor, large: Tensor) -> Tensor:
    return F.interpolate(small, size=large.shape[2:], mode="bilinear", align_corners=True) + large
