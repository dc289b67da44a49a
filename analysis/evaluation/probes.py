"""Leak probes: single numbers that know nothing of generators. Where one tells the classes apart as well as a
detector does, the detector may only be reading the files' history.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from analysis.decoding.decoder import Decoded
from analysis.model import Kind, Probe
from detectors.generation.base import SAMPLE_RATE
from detectors.training.measure import laplacian_variance

MIDDLE = 256
"""Blur is measured on the central square of so many pixels."""
_FRAME = 400  # samples: 25 ms
_NOT_A_JPEG = 101.0
# Annex K of the JPEG standard: the sum of the luminance table that quality 50 uses as it stands.
_SUM_AT_50 = 3688.0


def features(decoded: Decoded, path: Path) -> dict[str, float]:
    """Measure a medium's trivial features; a name ends in its unit."""
    probe = decoded.probe
    if probe.kind is Kind.AUDIO:
        return _sound(decoded.waveform, probe)
    found = _file(probe)
    if decoded.frames is not None:
        found["blur (Laplacian variance)"] = float(np.median([_sharpness(frame) for frame in decoded.frames]))
    if probe.kind is Kind.IMAGE:
        found["JPEG quality"] = jpeg_quality(path)
    return found


def _file(probe: Probe) -> dict[str, float]:
    width, height = probe.width or 1, probe.height or 1
    found = {
        "size (bytes)": float(probe.size),
        "bits per pixel": 8 * probe.size / (width * height * (probe.frames or 1)),
        "shorter side (px)": float(min(width, height)),
        "width to height": width / height,
        f"format {probe.mime}": 1.0,
    }
    if probe.kind is Kind.VIDEO:
        found |= {
            "length (s)": probe.duration or 0.0,
            "frames per second": probe.frame_rate or 0.0,
            "has sound": float(probe.has_audio),
            f"codec {probe.codec}": 1.0,
        }
    return found


def _sharpness(frame: NDArray[np.uint8]) -> float:
    height, width = frame.shape[:2]
    top, left = max(0, (height - MIDDLE) // 2), max(0, (width - MIDDLE) // 2)
    middle = frame[top : top + MIDDLE, left : left + MIDDLE]
    if min(middle.shape[:2]) < 3:
        return 0.0
    return laplacian_variance(middle @ np.array([0.299, 0.587, 0.114]))


def jpeg_quality(path: Path) -> float:
    """Estimate the quality that the Independent JPEG Group's scale gives a file's luminance table.

    101 where the file is no JPEG or cannot be read: better than any.
    """
    try:
        with Image.open(path) as image:
            tables: Mapping[int, list[int]] = getattr(image, "quantization", None) or {}
    except (OSError, ValueError, SyntaxError):
        return _NOT_A_JPEG
    if 0 not in tables:
        return _NOT_A_JPEG
    scale = 100 * sum(tables[0]) / _SUM_AT_50
    return round(100 - scale / 2 if scale <= 100 else 5000 / scale, 1)


def _sound(waveform: NDArray[np.float32] | None, probe: Probe) -> dict[str, float]:
    length = probe.duration or (len(waveform) / SAMPLE_RATE if waveform is not None else 0.0)
    found = {
        "length (s)": length,
        "bits per second": 8 * probe.size / length if length else 0.0,
        f"format {probe.mime}": 1.0,
        f"codec {probe.codec}": 1.0,
    }
    if waveform is None or len(waveform) < 2 * _FRAME:
        return found
    frames = waveform[: len(waveform) // _FRAME * _FRAME].astype(np.float64).reshape(-1, _FRAME)
    levels = 10 * np.log10((frames**2).mean(axis=1) + 1e-10)
    return found | {
        "loudness (dBFS)": float(10 * np.log10((waveform.astype(np.float64) ** 2).mean() + 1e-10)),
        "noise floor (dBFS)": float(np.percentile(levels, 5)),
        "bandwidth (Hz)": _bandwidth(frames),
        "silence before (s)": _before(levels) * _FRAME / SAMPLE_RATE,
        "mean (DC)": float(abs(waveform.mean())),
    }


def _bandwidth(frames: NDArray[np.float64]) -> float:
    """The frequency up to which the mean spectrum lies within 60 dB of its peak: where an encoder cut it."""
    power = (np.abs(np.fft.rfft(frames * np.hanning(_FRAME), axis=1)) ** 2).mean(axis=0)
    loud = np.flatnonzero(power >= power.max() * 1e-6)
    return float(loud[-1] * SAMPLE_RATE / _FRAME) if power.max() > 0 else 0.0


def _before(levels: NDArray[np.float64]) -> int:
    """How many frames come before the first one within 30 dB of the loudest."""
    return int(np.argmax(levels >= levels.max() - 30))
