"""The U-Net of ADM, unconditional, 256 x 256 (arXiv 2105.05233), and the noise that it finds in one step.

The network predicts which noise was added to a picture. Asked at the first of 20 DDIM steps, its answer shows
how well a diffusion model explains the picture (DistilDIRE, arXiv 2406.00856).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 256
WIDTH = 256
_MULTIPLIERS = (1, 1, 2, 2, 4, 4)
_ATTENTION_FACTORS = (8, 16, 32)
_HEAD = 64


class _ResBlock(nn.Module):
    """Two convolutions whose second norm is scaled and shifted by the time step; ``resample`` comes first."""

    def __init__(
        self, in_channels: int, out_channels: int, embedding: int, resample: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.in_layers = nn.Sequential(
            nn.GroupNorm(32, in_channels), nn.SiLU(), nn.Conv2d(in_channels, out_channels, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, 2 * out_channels))
        self.out_layers = nn.Sequential(
            nn.GroupNorm(32, out_channels),
            nn.SiLU(),
            nn.Dropout(0.1),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
        )
        same = in_channels == out_channels
        self.skip_connection = nn.Identity() if same else nn.Conv2d(in_channels, out_channels, 1)
        self.resample = resample or nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        norm, activation, convolve = self.in_layers
        h = convolve(self.resample(activation(norm(x))))
        scale, shift = self.emb_layers(embedding)[:, :, None, None].chunk(2, dim=1)
        norm, *rest = self.out_layers
        h = torch.addcmul(shift, norm(h), 1 + scale)
        for layer in rest:
            h = layer(h)
        out: Tensor = self.skip_connection(self.resample(x)) + h
        return out


class _Attention(nn.Module):
    """Self-attention over all pixels; the channels hold q, k and v of each head side by side."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(32, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(2)
        heads = self.qkv(self.norm(flat)).view(len(x), -1, 3, _HEAD, flat.shape[2])
        q, k, v = heads.transpose(3, 4).unbind(2)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(2, 3).flatten(1, 2)
        out: Tensor = flat + self.proj_out(attended)
        return out.view_as(x)


class _Stage(nn.ModuleList):
    """Layers of which the residual blocks hear the time step."""

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        for layer in self:
            x = layer(x, embedding) if isinstance(layer, _ResBlock) else layer(x)
        return x


class ADMUNet(nn.Module):
    """The published network.

    Args:
        width: channels at full resolution, a multiple of 32; 256 as published (552 814 086 parameters).
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.width = width
        embedding = 4 * width
        self.time_embed = nn.Sequential(
            nn.Linear(width, embedding), nn.SiLU(), nn.Linear(embedding, embedding)
        )
        self.input_blocks = nn.ModuleList([_Stage([nn.Conv2d(3, width, 3, padding=1)])])
        skips = [width]
        channels = width
        for level, multiplier in enumerate(_MULTIPLIERS):
            for _ in range(2):
                self.input_blocks.append(_stage(channels, multiplier * width, embedding, 2**level))
                channels = multiplier * width
                skips.append(channels)
            if level < len(_MULTIPLIERS) - 1:
                self.input_blocks.append(_Stage([_ResBlock(channels, channels, embedding, nn.AvgPool2d(2))]))
                skips.append(channels)
        self.middle_block = _Stage(
            [
                _ResBlock(channels, channels, embedding),
                _Attention(channels),
                _ResBlock(channels, channels, embedding),
            ]
        )
        self.output_blocks = nn.ModuleList()
        for level, multiplier in reversed(list(enumerate(_MULTIPLIERS))):
            for index in range(3):
                stage = _stage(channels + skips.pop(), multiplier * width, embedding, 2**level)
                channels = multiplier * width
                if level and index == 2:
                    enlarge = nn.UpsamplingNearest2d(scale_factor=2)
                    stage.append(_ResBlock(channels, channels, embedding, enlarge))
                self.output_blocks.append(stage)
        self.out = nn.Sequential(nn.GroupNorm(32, width), nn.SiLU(), nn.Conv2d(width, 6, 3, padding=1))

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        """Map pictures ``(N, 3, 256, 256)`` in [-1, 1] at ``(N,)`` time steps to ``(N, 6, 256, 256)``.

        The first three channels are the noise, the others belong to its variance.
        """
        embedding = self.time_embed(_sinusoids(timesteps, self.width))
        skips = []
        for block in self.input_blocks:
            x = block(x, embedding)
            skips.append(x)
        x = self.middle_block(x, embedding)
        for block in self.output_blocks:
            x = block(torch.cat([x, skips.pop()], dim=1), embedding)
        out: Tensor = self.out(x)
        return out


def _stage(in_channels: int, out_channels: int, embedding: int, factor: int) -> _Stage:
    stage = _Stage([_ResBlock(in_channels, out_channels, embedding)])
    if factor in _ATTENTION_FACTORS:
        stage.append(_Attention(out_channels))
    return stage


def _sinusoids(timesteps: Tensor, width: int) -> Tensor:
    half = width // 2
    frequencies = torch.exp(-math.log(10_000) / half * torch.arange(half, device=timesteps.device))
    angles = timesteps[:, None].float() * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)


class Schedule(NamedTuple):
    """The kept diffusion steps with ``sqrt(1 / abar)`` and ``sqrt(1 / abar - 1)`` of each, float64."""

    timesteps: Tensor
    sqrt_recip: Tensor
    sqrt_recip_minus_one: Tensor


def ddim_schedule(kept: int = 20, steps: int = 1000) -> Schedule:
    """Return every ``steps / kept``-th step of the linear noise schedule from 1e-4 to 0.02."""
    abar = torch.cumprod(1 - torch.linspace(1e-4, 0.02, steps, dtype=torch.float64), dim=0)
    timesteps = torch.arange(0, steps, steps // kept)
    reciprocal = 1 / abar[timesteps]
    return Schedule(timesteps, reciprocal.sqrt(), (reciprocal - 1).sqrt())


def clamped_noise(x: Tensor, noise: Tensor) -> Tensor:
    """Return the noise that leads from ``x`` to the predicted picture once that is clamped to [-1, 1].

    It equals the network's answer except where a pixel is near the ends of its range.
    """
    schedule = ddim_schedule()
    scale, share = float(schedule.sqrt_recip[0]), float(schedule.sqrt_recip_minus_one[0])
    picture = (scale * x - share * noise).clamp(-1, 1)
    return (scale * x - picture) / share


def one_step_noise(network: ADMUNet, x: Tensor) -> Tensor:
    """Return the first DDIM step's noise ``(N, 3, 256, 256)`` in pictures ``(N, 3, 256, 256)`` in [-1, 1]."""
    predicted = network(x, x.new_zeros(len(x)))[:, :3]
    return clamped_noise(x, predicted)
