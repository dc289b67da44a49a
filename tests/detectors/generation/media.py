"""Real media made up for tests: pictures with the spectrum of photographs, sounds with that of a voice."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from detectors.generation.base import SAMPLE_RATE, Pixels, Sound


def picture(seed: int, height: int = 160, width: int = 200) -> Pixels:
    """Clouds of every size, a few hard edges, and noise."""
    rng = np.random.default_rng(seed)
    sizes, white = (16, 8, 4, 2, 1), rng.normal(size=(height, width, 3))
    clouds = sum(2 * size * gaussian_filter(white, (size, size, 0)) for size in sizes)
    values = 120 + 30 * np.asarray(clouds) + rng.normal(0, 2, (height, width, 3))
    for _ in range(4):
        top, left = int(rng.integers(height)), int(rng.integers(width))
        values[top : top + height // 5, left : left + width // 5] += rng.uniform(-60, 60, 3)
    return values.clip(0, 255).astype(np.uint8)


def sound(seed: int, seconds: float = 1.0) -> Sound:
    """A buzz with a wandering pitch and pauses."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(rng.uniform(100, 200) + 20 * np.sin(3 * time)) / SAMPLE_RATE
    buzz = sum(np.sin(n * phase) / n for n in range(1, 12))
    return (0.15 * np.asarray(buzz) * (np.sin(7 * time) > -0.5)).astype(np.float32)


def write_pictures(folder: Path, count: int, *, quality: int = 90, first: int = 0) -> None:
    """JPEG files of unlike pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(first, first + count):
        Image.fromarray(picture(seed)).save(folder / f"photo {seed}.jpg", quality=quality)


def write_sounds(folder: Path, count: int) -> None:
    """WAV files of unlike sounds."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        with wave.open(str(folder / f"voice {seed}.wav"), "wb") as file:
            file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
            file.writeframes((32767 * sound(seed)).astype("<i2").tobytes())


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder: its relative path and its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
