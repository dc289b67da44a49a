"""A synthetic voice, where a test needs something that is spoken."""

from __future__ import annotations

import numpy as np

from detectors.generation.base import Sound
from detectors.generation.source_filter import HOP, pulses

SECOND = 16_000


def vowel(frequency: float = 130.0, seconds: float = 0.8, seed: int = 0) -> Sound:
    """Glottal pulses through two resonances, with a breath of noise, and a pause of a tenth of a second."""
    rng = np.random.default_rng(seed)
    length = int(seconds * SECOND)
    train = pulses(np.full(length // HOP + 1, frequency), length)
    time = np.arange(800) / SECOND
    first, second = 4400 + 400 * rng.random(), 9400 + 900 * rng.random()
    answer = np.exp(-300 * time) * (np.sin(first * time) + 0.5 * np.sin(second * time))
    sound = np.convolve(train, answer)[:length]
    sound += 0.01 * rng.standard_normal(length)
    sound[length // 2 : length // 2 + SECOND // 10] *= 0.001
    return (0.2 * sound / np.abs(sound).max()).astype(np.float32)
