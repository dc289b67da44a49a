"""What tells a vocoder's speech from a voice, as some hundred numbers per two seconds of sound.

Vocoders get the energies of speech right and its details wrong. The statistics look at details only: each
band's level is divided out, nothing above 7 kHz is heard (resampling and lossy encoders cut there), and a
floor of noise 60 dB down hides how silent the pauses are.

* how tonal each band is, from the phases of neighbouring bins (after the modified group delay and
  instantaneous frequency features of Xiao et al., Interspeech 2015);
* how fast each bin's level changes in time and over frequency, and how flat the spectrum is;
* the modulation spectrum of the bands' levels;
* pulses: how a band's envelope moves within a pitch period, and whether other bands move with it;
* the slope of the average spectrum.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SAMPLE_RATE = 16_000
WINDOW = 2 * SAMPLE_RATE
LOWEST, HIGHEST = 100.0, 7000.0  # Hz
DITHER = 1e-3  # of the window's effective value
FLOOR = 1e-6  # of a band's mean energy
QUIET = -25.0  # dB: frames this far below the mean count by half

SIZE, HOP = 512, 128
COHERENCE_SIZES = (256, 512, 1024)
ENVELOPE_SIZE, ENVELOPE_HOP = 64, 8
PITCH_SMOOTHING = 33  # envelope frames: 16 ms, two periods of 120 Hz
MODULATION_EDGES = (1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 32.0, 44.0, 62.6)  # Hz


class SpeechStatistics(nn.Module):
    """The statistics of windows of `WINDOW` samples. Nothing in it is learnt."""

    dither: Tensor

    def __init__(self) -> None:
        super().__init__()
        noise = torch.randn(WINDOW, generator=torch.Generator().manual_seed(0))
        self.register_buffer("dither", DITHER * noise, persistent=False)

    def forward(self, windows: Tensor) -> Tensor:
        """Map float32 ``(B, WINDOW)`` of any loudness to ``(B, D)``, all finite."""
        sound = windows - windows.mean(dim=1, keepdim=True)
        sound = sound / sound.square().mean(dim=1, keepdim=True).sqrt().clamp_min(1e-7) + self.dither
        spectra = short_time_spectra(sound, SIZE, HOP)
        parts = [
            *(coherence(sound, size) for size in COHERENCE_SIZES),
            levels(spectra),
            modulation(spectra),
            phases(spectra),
            envelopes(sound),
        ]
        return torch.cat(parts, dim=1)


def short_time_spectra(sound: Tensor, size: int, hop: int) -> Tensor:
    """Return the complex bins between `LOWEST` and `HIGHEST`: ``(B, bins, frames)``."""
    window = torch.hann_window(size, device=sound.device)
    spectra = torch.stft(sound, size, hop, window=window, center=False, return_complex=True)
    lowest, highest = (int(edge * size / SAMPLE_RATE) for edge in (LOWEST, HIGHEST))
    return spectra[:, max(lowest, 1) : highest + 1]


def activity(energies: Tensor) -> Tensor:
    """Say how much each frame counts, ``(B, 1, frames)``, sum 1: pauses hardly, speech fully."""
    total = energies.mean(dim=1, keepdim=True)
    level = 10 * torch.log10(total / total.mean(dim=-1, keepdim=True) + 1e-9)
    weight = torch.sigmoid((level - QUIET) / 3)
    return weight / weight.sum(dim=-1, keepdim=True)


def bands(values: Tensor, width: int) -> Tensor:
    """Average ``(B, bins, ...)`` over every `width` neighbouring bins; an incomplete band is left out."""
    count = values.shape[1] // width
    return values[:, : count * width].reshape(len(values), count, width, *values.shape[2:]).mean(dim=2)


def coherence(sound: Tensor, size: int) -> Tensor:
    """How neighbouring bins turn from frame to frame: together in a tone, each for itself in noise."""
    spectra = short_time_spectra(sound, size, size // 4)
    weight = activity(spectra.abs().square())[..., 1:]
    turns = _unit(spectra[..., 1:] * spectra[..., :-1].conj())
    apart = ((turns[:, 1:] * turns[:, :-1].conj()) * weight).sum(dim=-1)
    width = max(1, round(size / 64))
    return torch.cat([bands(apart.imag, width), bands(apart.real, width)], dim=1)


def levels(spectra: Tensor) -> Tensor:
    """Slope of the average spectrum, changes of the level over frequency and time, and flatness."""
    energies = spectra.abs().square()
    weight = activity(energies)
    average = torch.log10(bands((energies * weight).sum(dim=-1), 4) + 1e-9)
    decades = torch.log10(energies / (energies * weight).sum(dim=-1, keepdim=True) + FLOOR)
    found = [average[:, 1:] - average[:, :-1]]
    found.append(bands(((decades[:, 1:] - decades[:, :-1]).abs() * weight).sum(dim=-1), 8))
    for lag in (1, 2, 4, 8):
        later = weight[..., lag:] / weight[..., lag:].sum(dim=-1, keepdim=True)
        change = (decades[..., lag:] - decades[..., :-lag]).abs()
        found.append(bands((change * later).sum(dim=-1), 8))
    found.append(_flatness(energies, weight))
    return torch.cat(found, dim=1)


def _flatness(energies: Tensor, weight: Tensor) -> Tensor:
    """Decades between the arithmetic and the geometric mean energy of patches of 8 bins and 8 frames."""
    count, rows, columns = len(energies), energies.shape[1] // 8, energies.shape[2] // 8
    floored = energies + 1e-8 * energies.mean(dim=(1, 2), keepdim=True)
    patches = floored[:, : rows * 8, : columns * 8].reshape(count, rows, 8, columns, 8)
    ratio = torch.log10(patches.mean(dim=(2, 4))) - torch.log10(patches).mean(dim=(2, 4))
    share = weight[..., : columns * 8].reshape(count, 1, columns, 8).sum(dim=-1)
    flatness: Tensor = (ratio * share / share.sum(dim=-1, keepdim=True)).sum(dim=-1)
    return flatness


def modulation(spectra: Tensor) -> Tensor:
    """Energies of the modulation of thirteen bands' levels, between 1 and 62 Hz, in decades."""
    energies = bands(spectra.abs().square(), 16)
    decades = torch.log10(energies / energies.mean(dim=-1, keepdim=True) + FLOOR)
    decades = decades - decades.mean(dim=-1, keepdim=True)
    frames = decades.shape[-1]
    spectrum = torch.fft.rfft(decades * torch.hann_window(frames, device=decades.device)).abs().square()
    rates = torch.fft.rfftfreq(frames, HOP / SAMPLE_RATE, device=decades.device)
    found = [
        spectrum[..., (rates >= low) & (rates < high)].mean(dim=-1)
        for low, high in pairwise(MODULATION_EDGES)
    ]
    return torch.log10(torch.cat(found, dim=1) + 1e-9)


def phases(spectra: Tensor) -> Tensor:
    """How steady phases advance: from frame to frame (pitch), and from bin to bin (place of the pulses)."""
    weight = activity(spectra.abs().square())
    turns = _unit(spectra[..., 1:] * spectra[..., :-1].conj())
    apart = (turns[:, 1:] * turns[:, :-1].conj()).imag.abs()
    steady = (turns[..., 1:] * turns[..., :-1].conj()).real
    delay = _unit(spectra[:, 1:] * spectra[:, :-1].conj())
    placed = (delay[:, 1:] * delay[:, :-1].conj()).real
    found = [apart * weight[..., 1:], steady * weight[..., 2:], placed * weight]
    return torch.cat([bands(part.sum(dim=-1), 8) for part in found], dim=1)


def envelopes(sound: Tensor) -> Tensor:
    """Depth and skew of each band's envelope within a pitch period, and its correlation with other bands."""
    window = torch.hann_window(ENVELOPE_SIZE, device=sound.device)
    spectra = torch.stft(
        sound, ENVELOPE_SIZE, ENVELOPE_HOP, window=window, center=False, return_complex=True
    ).abs()
    weight = _smooth(activity(spectra.square()))
    envelope = spectra[:, 1 : int(HIGHEST * ENVELOPE_SIZE / SAMPLE_RATE) + 1]
    slow = _smooth(envelope)
    ripple = (envelope - slow) / slow.clamp_min(0.05 * envelope.mean(dim=-1, keepdim=True))
    ripple = ripple.clamp(-3, 3) * weight.sqrt()
    energy = ripple.square().sum(dim=-1)
    scaled = ripple / energy.sqrt().clamp_min(1e-6)[..., None]
    correlation = scaled @ scaled.transpose(1, 2)
    skew = (scaled * math.sqrt(scaled.shape[-1])).pow(3).mean(dim=-1)
    apart = [correlation.diagonal(distance, 1, 2) for distance in (1, 2, 4, 8)]
    return torch.cat([torch.log(energy + 1e-6), skew, *apart], dim=1)


def _smooth(values: Tensor) -> Tensor:
    return F.avg_pool1d(values, PITCH_SMOOTHING, 1, PITCH_SMOOTHING // 2, count_include_pad=False)


def _unit(values: Tensor) -> Tensor:
    return values / values.abs().clamp_min(1e-9)
