"""Fakes aligned with their photograph: small autoencoders that give a picture back almost as it was.

A detector trained on photographs against generated pictures learns whatever else tells the two collections
apart. The reconstruction of a photograph differs from it by nothing but the decoder's traces
(AlignedForensics, arXiv 2410.11835; Dual Data Alignment, arXiv 2505.14359). Generators of today differ in how
their decoders enlarge, so there is one autoencoder for each usual way (`KINDS`): five reduce a picture four
times each way, two eight times, as the autoencoders of latent diffusion do (Rombach et al., 2022, arXiv
2112.10752; 16 channels as of Esser et al., 2024, arXiv 2403.03206).

The weights that ship were trained here (`detectors.training.veritag_image.autoencoders`).
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn import functional as F

ShallowKind = Literal["nearest", "bilinear", "shuffle", "transposed", "quantised"]
DeepKind = Literal["deep_nearest", "deep_shuffle"]
Kind = ShallowKind | DeepKind
SHALLOW_KINDS: tuple[ShallowKind, ...] = get_args(ShallowKind)
DEEP_KINDS: tuple[DeepKind, ...] = get_args(DeepKind)
KINDS: tuple[Kind, ...] = SHALLOW_KINDS + DEEP_KINDS

_LEVELS = 7
_TILE = 512


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.conv2(F.silu(self.conv1(F.silu(x))))
        return x + residual


class _Double(nn.Module):
    """Twice the height and width, in one of the ways that generators use."""

    def __init__(self, channels: int, out: int, kind: ShallowKind) -> None:
        super().__init__()
        self.kind = kind
        self.conv: nn.Module
        if kind == "transposed":
            self.conv = nn.ConvTranspose2d(channels, out, 4, stride=2, padding=1)
        else:
            self.conv = nn.Conv2d(channels, out * 4 if kind == "shuffle" else out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "bilinear":
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        elif self.kind in {"nearest", "quantised"}:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        larger: Tensor = self.conv(x)
        return F.pixel_shuffle(larger, 2) if self.kind == "shuffle" else larger


class Autoencoder(nn.Module):
    """Makes a picture smaller, and larger again.

    Attributes:
        reduction: how many times smaller each way; the sides of a picture must be multiples of it.
        margin: pixels around a part of a picture that its reconstruction depends on, or nearly so.
    """

    reduction: int
    margin: int

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures in [-1, 1] ``(N, 3, H, W)`` to their reconstructions."""
        raise NotImplementedError


class ShallowAutoencoder(Autoencoder):
    """Four times smaller each way with 12 channels, and back; ``quantised`` rounds the code to 15 levels
    (finite scalar quantisation, arXiv 2309.15505).
    """

    reduction = 4
    margin = 32
    channels = 12

    def __init__(self, kind: ShallowKind) -> None:
        super().__init__()
        self.kind = kind
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 32, 4, stride=2, padding=1),
            _Residual(32),
            nn.Conv2d(32, 48, 4, stride=2, padding=1),
            _Residual(48),
            nn.Conv2d(48, self.channels, 1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(self.channels, 48, 3, padding=1),
            _Residual(48),
            nn.SiLU(),
            _Double(48, 32, kind),
            _Residual(32),
            nn.SiLU(),
            _Double(32, 16, kind),
            nn.SiLU(),
            nn.Conv2d(16, 3, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """See `Autoencoder.forward`."""
        code = self.encoder(x)
        if self.kind == "quantised":
            code = torch.tanh(code) * _LEVELS
            # Rounding has no slope; training goes past it.
            code = code + (code.round() - code).detach()
        reconstruction: Tensor = self.decoder(code)
        return reconstruction


class DeepAutoencoder(Autoencoder):
    """Eight times smaller each way with 16 channels, and back.

    The code is a linear map of squares of eight pixels, which training begins with the squares' principal
    components, plus what convolutions add to it.
    """

    reduction = 8
    margin = 96
    channels = 16

    def __init__(self, kind: DeepKind) -> None:
        super().__init__()
        enlarge: ShallowKind = "nearest" if kind == "deep_nearest" else "shuffle"
        self.linear = nn.Conv2d(3, self.channels, self.reduction, stride=self.reduction)
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(12, 32, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(32, 48, 4, stride=2, padding=1),
            _Residual(48),
            nn.SiLU(),
            nn.Conv2d(48, 64, 4, stride=2, padding=1),
            _Residual(64),
            nn.SiLU(),
            nn.Conv2d(64, self.channels, 1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(self.channels, 96, 3, padding=1),
            _Residual(96),
            _Residual(96),
            _Double(96, 64, enlarge),
            _Residual(64),
            _Double(64, 32, enlarge),
            _Residual(32),
            _Double(32, 16, enlarge),
            nn.SiLU(),
            nn.Conv2d(16, 3, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """See `Autoencoder.forward`."""
        reconstruction: Tensor = self.decoder(self.linear(x) + self.encoder(x))
        return reconstruction


def build(kind: Kind) -> Autoencoder:
    """Return an untrained autoencoder."""
    if kind == "deep_nearest" or kind == "deep_shuffle":
        return DeepAutoencoder(kind)
    return ShallowAutoencoder(kind)


@cache
def autoencoder(kind: Kind) -> Autoencoder:
    """Return one of the autoencoders that ship, in evaluation mode."""
    state = load(resources.files("detectors").joinpath("bundled", "reconstruction.safetensors").read_bytes())
    network = build(kind)
    prefix = f"{kind}."
    network.load_state_dict(
        {
            name.removeprefix(prefix): tensor.float()
            for name, tensor in state.items()
            if name.startswith(prefix)
        }
    )
    return network.eval()


@torch.inference_mode()
def reconstruct(picture: NDArray[np.uint8], network: Autoencoder) -> NDArray[np.uint8]:
    """Send a picture, uint8 RGB ``(H, W, 3)`` of any size, through an autoencoder; the size stays.

    Large pictures go through in overlapping tiles, so that memory does not grow with them.
    """
    height, width = picture.shape[:2]
    padded = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
    padded = F.pad(padded, (0, -width % network.reduction, 0, -height % network.reduction), mode="replicate")
    out = torch.empty_like(padded)
    margin = network.margin
    for top in range(0, padded.shape[2], _TILE):
        for left in range(0, padded.shape[3], _TILE):
            above, before = max(top - margin, 0), max(left - margin, 0)
            piece = padded[..., above : top + _TILE + margin, before : left + _TILE + margin]
            inner = network(piece)[..., top - above :, left - before :][..., :_TILE, :_TILE]
            out[..., top : top + _TILE, left : left + _TILE] = inner
    pixels = ((out[0, :, :height, :width] + 1) * 127.5).round().clamp(0, 255)
    return np.ascontiguousarray(pixels.permute(1, 2, 0).to(torch.uint8).numpy())


def blend(
    real: NDArray[np.uint8], fake: NDArray[np.uint8], share: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Mix ``share`` of a reconstruction with its photograph, in pixels or above a random frequency only."""
    difference = fake.astype(np.float32) - real
    if rng.random() < 0.5:
        height, width = real.shape[:2]
        down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
        kept = np.hypot(down, across) >= rng.uniform(0.05, 0.25)
        spectrum = np.fft.rfft2(difference, axes=(0, 1)) * kept[..., None]
        difference = np.fft.irfft2(spectrum, s=(height, width), axes=(0, 1)).astype(np.float32)
    return np.clip(np.round(real + share * difference), 0, 255).astype(np.uint8)


def reconstruction(
    real: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], None, dict[str, Any]]:
    """Make an aligned fake: a random autoencoder, blended with the photograph four times in ten.

    Args:
        real: uint8 RGB ``(H, W, 3)``.
        rng: all that is random comes from it.

    Returns:
        The fake in the same size; no mask, for the whole picture is made anew; what was done.
    """
    kind = KINDS[int(rng.integers(len(KINDS)))]
    fake = reconstruct(real, autoencoder(kind))
    share = 1.0
    if rng.random() < 0.4:
        share = float(rng.uniform(0.2, 1))
        fake = blend(real, fake, share, rng)
    return fake, None, {"autoencoder": kind, "share": round(share, 3)}
