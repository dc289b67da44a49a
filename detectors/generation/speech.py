"""Fakes of real speech: the same words, spoken again by a vocoder.

Each generator throws away what a kind of speech synthesiser throws away (the phase, the fine structure of the
spectrum, the true excitation) and makes it up anew. Words, length, timing and loudness stay those of the real
recording, so that nothing else tells the pair apart.

All are `SoundGenerator`s: ``(real, rng) -> (fake, description)``.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from detectors.generation import source_filter
from detectors.generation.base import Description, Sound, SoundGenerator
from detectors.generation.spectra import (
    Samples,
    Spectrum,
    as_loud,
    istft,
    mel_bands,
    minimum_phase,
    stft,
)

SIZES = (256, 400, 512, 800, 1024)


def griffin_lim(real: Sound, rng: Generator) -> tuple[Sound, Description]:
    """Magnitudes of the short-time spectrum, phases by fast Griffin-Lim (Perraudin et al. 2013)."""
    size, hop, samples = _draw(real, rng)
    rounds = int(rng.integers(2, 33))
    fake = _find_phases(np.abs(stft(samples, size, hop)), size, hop, len(real), rounds, rng)
    return as_loud(fake, real), {"method": "griffin_lim", "size": size, "hop": hop, "rounds": rounds}


def mel_griffin_lim(real: Sound, rng: Generator) -> tuple[Sound, Description]:
    """As `griffin_lim`, from mel-band energies alone: what acoustic models hand to vocoders."""
    size, hop, samples = _draw(real, rng, (512, 800, 1024))
    bands, rounds = int(rng.choice((64, 80, 100, 128))), int(rng.integers(8, 33))
    magnitudes = _through_mel(np.abs(stft(samples, size, hop)), bands, size)
    fake = _find_phases(magnitudes, size, hop, len(real), rounds, rng)
    description = {"method": "mel_griffin_lim", "size": size, "hop": hop, "bands": bands, "rounds": rounds}
    return as_loud(fake, real), description


def phase_noise(real: Sound, rng: Generator) -> tuple[Sound, Description]:
    """Phases blurred by noise that grows towards high frequencies, as vocoders' do."""
    size, hop, samples = _draw(real, rng)
    spectra = stft(samples, size, hop)
    onset, depth = float(rng.uniform(0, 0.6)), float(rng.uniform(0.3, 1.0))
    share = np.clip((np.linspace(0, 1, spectra.shape[1]) - onset) / 0.25, 0, 1)
    spectra *= np.exp(1j * np.pi * depth * share * rng.uniform(-1, 1, spectra.shape))
    description = {"method": "phase_noise", "size": size, "hop": hop, "onset": onset, "depth": depth}
    return as_loud(istft(spectra, size, hop, len(real)), real), description


def fixed_phase(real: Sound, rng: Generator) -> tuple[Sound, Description]:
    """Every frame re-synthesised with zero or minimum phase around its place, then overlap-added."""
    size, hop, samples = _draw(real, rng)
    magnitudes = np.abs(stft(samples, size, hop))
    kind = str(rng.choice(("zero", "minimum")))
    spectra: Spectrum = minimum_phase(magnitudes) if kind == "minimum" else magnitudes.astype(np.complex128)
    centred = spectra * np.where(np.arange(spectra.shape[1]) % 2, -1, 1)
    description = {"method": "fixed_phase", "size": size, "hop": hop, "kind": kind}
    return as_loud(istft(centred, size, hop, len(real)), real), description


def smoothed_spectrum(real: Sound, rng: Generator) -> tuple[Sound, Description]:
    """Magnitudes smoothed over frequency under the real phases: the blur of regression-trained models."""
    size, hop, samples = _draw(real, rng)
    spectra = stft(samples, size, hop)
    bands, onset = int(rng.choice((40, 64, 80, 100))), float(rng.uniform(0, 0.5))
    magnitudes = np.abs(spectra)
    smooth = _through_mel(magnitudes, bands, size)
    share = np.clip((np.linspace(0, 1, spectra.shape[1]) - onset) / 0.2, 0, 1)
    gain = (np.maximum(smooth, 1e-8) / np.maximum(magnitudes, 1e-8)) ** share
    description = {"method": "smoothed_spectrum", "size": size, "hop": hop, "bands": bands, "onset": onset}
    return as_loud(istft(spectra * gain, size, hop, len(real)), real), description


def linear_prediction(real: Sound, rng: Generator) -> tuple[Sound, Description]:
    """Pulses and noise through linear-prediction filters: the classic vocoder (Atal and Hanauer 1971)."""
    order = int(rng.integers(12, 29))
    fake = source_filter.linear_prediction(real.astype(np.float64), order, rng)
    return as_loud(fake, real), {"method": "linear_prediction", "order": order}


def source_filter_vocoder(real: Sound, rng: Generator) -> tuple[Sound, Description]:
    """Pulses mixed with noise through cepstrally smoothed spectra, after WORLD (Morise et al. 2016)."""
    size = int(rng.choice((512, 800, 1024)))
    breath = float(rng.uniform(0.0, 0.6))
    minimum = bool(rng.random() < 0.7)
    fake = source_filter.mixed_excitation(real.astype(np.float64), size, breath, minimum, rng)
    description = {
        "method": "source_filter_vocoder",
        "size": size,
        "breath": breath,
        "minimum_phase": minimum,
    }
    return as_loud(fake, real), description


GENERATORS: dict[str, SoundGenerator] = {
    function.__name__: function
    for function in (
        griffin_lim,
        mel_griffin_lim,
        phase_noise,
        fixed_phase,
        smoothed_spectrum,
        linear_prediction,
        source_filter_vocoder,
    )
}


def resynthesise(real: Sound, rng: Generator) -> tuple[Sound, Description]:
    """Speak the words again by a generator of `GENERATORS` that is drawn first."""
    return GENERATORS[str(rng.choice(sorted(GENERATORS)))](real, rng)


def _draw(real: Sound, rng: Generator, sizes: tuple[int, ...] = SIZES) -> tuple[int, int, Samples]:
    """Draw a window and a hop of a quarter or an eighth of it."""
    size = int(rng.choice(sizes))
    return size, size // int(rng.choice((4, 8), p=(0.75, 0.25))), real.astype(np.float64)


def _find_phases(
    magnitudes: Samples, size: int, hop: int, length: int, rounds: int, rng: Generator
) -> Samples:
    spectra: Spectrum = magnitudes * np.exp(2j * np.pi * rng.random(magnitudes.shape))
    earlier = np.zeros_like(spectra)
    for _ in range(rounds):
        now = stft(istft(spectra, size, hop, length), size, hop)
        faster = now + 0.99 * (now - earlier)
        spectra = magnitudes * np.exp(1j * np.angle(faster))
        earlier = now
    return istft(spectra, size, hop, length)


def _through_mel(magnitudes: Samples, bands: int, size: int) -> Samples:
    """Sum energies into mel bands and spread them over the spectrum again."""
    weights = mel_bands(bands, size)
    weights = weights[weights.sum(axis=1) > 0]
    energies = magnitudes**2 @ weights.T / weights.sum(axis=1)
    spread = energies @ weights / np.maximum(weights.sum(axis=0), 1e-3)
    rebuilt: Samples = np.sqrt(spread)
    return rebuilt
