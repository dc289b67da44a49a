"""Short-time spectra of speech: there, back again, and how energies are seen by mel bands. NumPy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.generation.base import SAMPLE_RATE, Sound

Samples = NDArray[np.float64]
Spectrum = NDArray[np.complex128]


def stft(samples: Samples, size: int, hop: int) -> Spectrum:
    """Return Hann-windowed spectra ``(frames, size // 2 + 1)``, frame ``n`` around sample ``n * hop``."""
    padded = np.pad(samples, size // 2)
    padded = np.pad(padded, (0, -(len(padded) - size) % hop))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    spectra: Spectrum = np.fft.rfft(frames * _hann(size), axis=1)
    return spectra


def istft(spectra: Spectrum, size: int, hop: int, length: int) -> Samples:
    """Return the ``length`` samples whose spectra come nearest to the ones given (Griffin and Lim 1984)."""
    window = _hann(size)
    frames = np.fft.irfft(spectra, size, axis=1) * window
    summed = np.zeros((len(frames) - 1) * hop + size)
    weight = np.zeros_like(summed)
    for start, frame in zip(range(0, len(frames) * hop, hop), frames, strict=True):
        summed[start : start + size] += frame
        weight[start : start + size] += window**2
    whole: Samples = summed / np.maximum(weight, 1e-3)
    return fitted(whole[size // 2 :], length)


def fitted(samples: Samples, length: int) -> Samples:
    """Cut, or fill up with silence, to ``length`` samples."""
    return np.pad(samples[:length], (0, max(0, length - len(samples))))


def as_loud(fake: Samples, real: Sound) -> Sound:
    """Give the fake the real sound's power."""
    power = float(np.sqrt(np.mean(np.square(fake))))
    wanted = float(np.sqrt(np.mean(np.square(real, dtype=np.float64))))
    return (fake * (wanted / power if power > 0 else 0.0)).astype(np.float32)


def mel_bands(bands: int, size: int, top: float = SAMPLE_RATE / 2) -> NDArray[np.float64]:
    """Return triangular weights ``(bands, size // 2 + 1)``, equally far apart in mel from 0 to ``top`` Hz."""
    peak = 2595 * np.log10(1 + top / 700)
    edges = 700 * (10 ** (np.linspace(0, peak, bands + 2) / 2595) - 1)
    bins = np.arange(size // 2 + 1) * SAMPLE_RATE / size
    low, middle, high = (edges[n : n + bands, None] for n in range(3))
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    weights: NDArray[np.float64] = np.maximum(0, np.minimum(rising, falling))
    return weights


def minimum_phase(magnitudes: NDArray[np.float64]) -> Spectrum:
    """Give magnitudes ``(frames, size // 2 + 1)`` a minimum-phase response's phases, by their cepstra."""
    size = 2 * (magnitudes.shape[1] - 1)
    cepstra = np.fft.irfft(np.log(np.maximum(magnitudes, 1e-8)), size, axis=1)
    cepstra[:, 1 : size // 2] *= 2
    cepstra[:, size // 2 + 1 :] = 0
    spectra: Spectrum = np.exp(np.fft.rfft(cepstra, axis=1))
    return spectra


def _hann(size: int) -> NDArray[np.float64]:
    window: NDArray[np.float64] = np.hanning(size + 1)[:-1]
    return window
