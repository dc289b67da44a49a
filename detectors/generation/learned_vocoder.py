"""Speech spoken again by a small learned vocoder, as most speech synthesisers of today end in one.

A network of one-dimensional ConvNeXt blocks reads mel-band energies, and gives magnitudes and phases of the
short-time spectrum, of which the inverse transform makes a sound: the design of Vocos (Siuzdak, 2023, arXiv
2306.00814), far smaller. What energies do not tell, such as how noise runs, it makes of noise that it is
given. The weights that ship were trained here (`detectors.training.veritag_speech.vocoder`).
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np
import torch
from numpy.random import Generator
from safetensors.torch import load
from torch import Tensor, nn

from detectors.generation.base import Description, Sound
from detectors.generation.spectra import as_loud, fitted, mel_bands

SIZE, HOP, BANDS, NOISES = 512, 128, 64, 8
_WIDTH, _BLOCKS = 160, 5
_FLOOR = 1e-5
_LARGEST = 6.0  # natural logarithm of a magnitude


class _Block(nn.Module):
    """ConvNeXt over time: each channel by itself, then all channels of one frame."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.along = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.across = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width))
        self.scale = nn.Parameter(torch.full((width,), 1.0 / _BLOCKS))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.along(x).transpose(1, 2))
        moved: Tensor = x + (self.scale * self.across(y)).transpose(1, 2)
        return moved


class Vocoder(nn.Module):
    """From the energies of mel bands, and noise, to samples."""

    window: Tensor
    bands: Tensor

    def __init__(self) -> None:
        super().__init__()
        weights = mel_bands(BANDS, SIZE)
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
        self.register_buffer("bands", torch.from_numpy(weights).float(), persistent=False)
        self.register_buffer("window", torch.hann_window(SIZE), persistent=False)
        self.begin = nn.Conv1d(BANDS + NOISES, _WIDTH, 7, padding=3)
        self.blocks = nn.Sequential(*(_Block(_WIDTH) for _ in range(_BLOCKS)))
        self.norm = nn.LayerNorm(_WIDTH)
        self.end = nn.Linear(_WIDTH, 2 * (SIZE // 2 + 1))

    def energies(self, samples: Tensor) -> Tensor:
        """Return log energies ``(N, BANDS, frames)`` of samples ``(N, samples)``."""
        spectra = torch.stft(samples, SIZE, HOP, window=self.window, return_complex=True, pad_mode="constant")
        return (self.bands @ spectra.abs().square() + _FLOOR).log()

    def forward(self, energies: Tensor, noise: Tensor) -> Tensor:
        """Make samples ``(N, (frames - 1) * HOP)``; the noise is ``(N, NOISES, frames)``."""
        x = self.blocks(self.begin(torch.cat([energies, noise], dim=1)))
        told = self.end(self.norm(x.transpose(1, 2))).transpose(1, 2)
        magnitudes, phases = told.chunk(2, dim=1)
        spectra = torch.polar(magnitudes.clamp(max=_LARGEST).exp(), phases)
        samples: Tensor = torch.istft(spectra, SIZE, HOP, window=self.window)
        return samples


def learned_vocoder(real: Sound, rng: Generator) -> tuple[Sound, Description]:
    """Mel-band energies alone kept; a small network makes the sound of them."""
    vocoder = _shipped()
    samples = torch.from_numpy(np.pad(real, (0, HOP + -len(real) % HOP)).astype(np.float32))[None]
    with torch.inference_mode():
        energies = vocoder.energies(samples)
        noise = rng.standard_normal((1, NOISES, energies.shape[2])).astype(np.float32)
        made = vocoder(energies, torch.from_numpy(noise))[0].double().numpy()
    description = {"method": "learned_vocoder", "bands": BANDS, "size": SIZE, "hop": HOP}
    return as_loud(fitted(made, len(real)), real), description


@cache
def _shipped() -> Vocoder:
    data = resources.files("detectors").joinpath("bundled", "vocoder.safetensors").read_bytes()
    vocoder = Vocoder()
    vocoder.load_state_dict({name: tensor.float() for name, tensor in load(data).items()})
    return vocoder.eval()
