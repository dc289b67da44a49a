"""File histories for training: what a recording went through on its way, drawn alike for both classes.

Whatever a collection did to all its files (an equaliser, a sample rate, an encoder) must not become what the
detector listens to. Each history colours the sound, cuts its treble, adds noise or encodes it, or several.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from detectors.generation.base import SAMPLE_RATE, Sound
from detectors.generation.laundering import Chain, Step
from detectors.generation.laundering.sound import Aac, Hiss, Mp3, Opus

PEAK = 0.7
_EQUALISER_BANDS = 8

Gain = Callable[[NDArray[np.floating]], NDArray[np.floating]]


@dataclass(frozen=True, slots=True)
class Normalise(Step[Sound]):
    """Louder or softer, so that the peak is at `PEAK`: nothing clips later."""

    def __call__(self, medium: Sound) -> Sound:
        """Scale; silence stays silence."""
        peak = float(np.abs(medium).max(initial=0.0))
        scaled: Sound = medium * np.float32(PEAK / peak if peak > 0 else 0.0)
        return scaled


@dataclass(frozen=True, slots=True)
class Equaliser(Step[Sound]):
    """Gains in decibels at equally spaced frequencies from 0 to 8 kHz, with straight lines between."""

    gains: tuple[float, ...]

    def __call__(self, medium: Sound) -> Sound:
        """Filter without delay."""
        places = np.linspace(0, SAMPLE_RATE / 2, len(self.gains))
        return _filtered(medium, lambda hertz: 10 ** (np.interp(hertz, places, self.gains) / 20))


@dataclass(frozen=True, slots=True)
class LowPass(Step[Sound]):
    """Treble cut at `edge` Hz, gently over `width` Hz, as a lower sample rate leaves it."""

    edge: float
    width: float

    def __call__(self, medium: Sound) -> Sound:
        """Filter without delay."""
        return _filtered(medium, lambda hertz: 1 / (1 + np.exp((hertz - self.edge) / self.width * 4)))


def draw(rng: Generator) -> Chain[Sound]:
    """Draw one history."""
    steps: list[Step[Sound]] = []
    if rng.random() < 0.35:
        steps.append(LowPass(_number(rng, 3500, 7500), _number(rng, 100, 500)))
    if rng.random() < 0.5:
        steps.append(Equaliser(tuple(round(float(gain), 2) for gain in rng.normal(0, 4, _EQUALISER_BANDS))))
    steps.append(Normalise())
    if rng.random() < 0.4:
        steps.append(Hiss(_number(rng, 38, 65), _number(rng, 0, 2), int(rng.integers(1 << 31))))
    if rng.random() < 0.6:
        steps.append(_codec(rng))
    return Chain("speech_training", tuple(steps))


def _codec(rng: Generator) -> Step[Sound]:
    bit_rate = int(rng.choice((24_000, 32_000, 48_000, 64_000)))
    rate = int(rng.choice((SAMPLE_RATE, 24_000)))
    codecs = (
        Mp3(bit_rate, rate),
        Opus(int(rng.choice((12_000, 16_000, 24_000, 32_000)))),
        Aac(bit_rate, rate),
    )
    return codecs[int(rng.integers(len(codecs)))]


def _filtered(sound: Sound, gain: Gain) -> Sound:
    spectrum = np.fft.rfft(sound.astype(np.float64))
    hertz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    filtered: Sound = np.fft.irfft(spectrum * gain(hertz), len(sound)).astype(np.float32)
    return filtered


def _number(rng: Generator, low: float, high: float) -> float:
    return round(float(rng.uniform(low, high)), 2)
