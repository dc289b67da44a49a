"""AASIST's ears: a fixed bank of band-pass filters over the samples, and a residual encoder over its output.

The filters are SincNet's (arXiv 1808.00158), the encoder is RawNet2's (arXiv 2011.01108).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

SAMPLE_RATE = 16_000
BANDS = 70
TAPS = 129
ROWS = BANDS // 3  # frequency rows that are left after the first pooling


def mel_edges(bands: int = BANDS) -> np.ndarray:
    """Return ``bands + 1`` edges in Hz, float64, equally far apart in mel from 0 to half the sample rate."""
    top = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    edges: np.ndarray = 700 * (10 ** (np.linspace(0, top, bands + 1) / 2595) - 1)
    return edges


def band_pass_filters() -> Tensor:
    """Return the windowed differences of two low-pass filters, float32 ``(BANDS, TAPS)``."""
    steps = np.arange(TAPS) - TAPS // 2
    cutoff = 2 * mel_edges()[:, None] / SAMPLE_RATE
    low_pass = cutoff * np.sinc(cutoff * steps)
    return torch.from_numpy(np.hamming(TAPS) * (low_pass[1:] - low_pass[:-1])).float()


class SincFilters(nn.Module):
    """The fixed filter bank. It is computed, not learnt: the public checkpoints do not hold it."""

    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", band_pass_filters()[:, None], persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Map ``(B, samples)`` to ``(B, BANDS, samples - TAPS + 1)``."""
        return F.conv1d(waveform[:, None], self.filters)


class ResidualBlock(nn.Module):
    """Two 2 x 3 convolutions around a shortcut, then time is divided by three.

    Published blocks hold one more normalisation, ``bn1``, whose result is thrown away: the first convolution
    sees the block's bare input. It does not exist here.
    """

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, (2, 3), padding=(1, 1))
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, (2, 3), padding=(0, 1))
        self.conv_downsample = (
            nn.Conv2d(channels_in, channels, (1, 3), padding=(0, 1)) if channels_in != channels else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, channels_in, rows, frames)`` to ``(B, channels, rows, frames // 3)``."""
        shortcut = x if self.conv_downsample is None else self.conv_downsample(x)
        x = self.conv2(F.selu(self.bn2(self.conv1(x)), inplace=True))
        return F.max_pool2d(x + shortcut, (1, 3))
