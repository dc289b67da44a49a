"""What single numbers reach that know nothing of voices: how a set of clips betrays its labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detectors.metrics import auc
from detectors.training.veritag_speech.clips import Clip
from detectors.training.veritag_speech.cross_validation import levelled
from detectors.veritag_speech.activity import FRAME, active_frames
from detectors.veritag_speech.statistics import SAMPLE_RATE


def duration(sound: Tensor) -> float:
    """Seconds."""
    return len(sound) / SAMPLE_RATE


def loudness(sound: Tensor) -> float:
    """Effective value in decibels of full scale."""
    return 20 * float(torch.log10(sound.square().mean().sqrt() + 1e-7))


def offset(sound: Tensor) -> float:
    """Size of the mean sample, in steps of 80 dB below full scale."""
    return round(float(sound.mean().abs()), 4)


def zeros(sound: Tensor) -> float:
    """Share of samples that are exactly zero."""
    return float((sound == 0).float().mean())


def resolution(sound: Tensor) -> float:
    """Smallest step between samples, in decibels of full scale: coarse where few bits were used."""
    steps = torch.unique(sound).diff()
    return 20 * float(torch.log10(steps.min() + 1e-9)) if len(steps) else 0.0


def leading_silence(sound: Tensor) -> float:
    """Seconds before the first active frame."""
    active = active_frames(sound).nonzero()[:, 0]
    return float(active[0]) * FRAME / SAMPLE_RATE if len(active) else duration(sound)


def noise_floor(sound: Tensor) -> float:
    """Decibels between the quietest twentieth of the frames and the sound's effective value."""
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME).square().mean(dim=1)
    return 10 * float(torch.log10((torch.quantile(frames, 0.05) + 1e-12) / (sound.square().mean() + 1e-12)))


def cut_off(sound: Tensor) -> float:
    """Frequency in Hz below which 99.9 % of the energy lies."""
    energies = torch.fft.rfft(sound.double()).abs().square().cumsum(dim=0)
    share = int((energies < 0.999 * energies[-1]).sum())
    return share / len(energies) * SAMPLE_RATE / 2


PROBES: dict[str, Callable[[Tensor], float]] = {
    probe.__name__.replace("_", " "): probe
    for probe in (duration, loudness, offset, zeros, resolution, leading_silence, noise_floor, cut_off)
}


def betrayal(clips: Sequence[Clip]) -> dict[str, tuple[float, float, float]]:
    """For each probe: AUC over all clips as they came and levelled, and levelled within sources (mean).

    The first is read either way round, and the others in the same direction as the second.
    """
    pairs = [(clip, cut) for clip in clips if (cut := levelled(clip.sound)) is not None]
    labels = np.array([clip.label for clip, _ in pairs])
    sources = np.array([clip.source for clip, _ in pairs])
    found = {}
    for name, probe in PROBES.items():
        came = _auc(labels, np.array([probe(clip.sound) for clip, _ in pairs]))
        values = np.array([probe(cut) for _, cut in pairs])
        level = _auc(labels, values)
        inside = [
            _auc(labels[mine], values[mine])
            for source in np.unique(sources)
            if len(set(labels[mine := sources == source])) == 2
        ]
        mean = float(np.mean(inside)) if inside else 0.5
        flipped = level < 0.5
        found[name] = (
            round(max(came, 1 - came), 3),
            round(1 - level if flipped else level, 3),
            round(1 - mean if flipped else mean, 3),
        )
    return found


def _auc(labels: NDArray[np.int64], values: NDArray[np.float64]) -> float:
    return auc(labels, values) if len(set(labels.tolist())) == 2 else 0.5
