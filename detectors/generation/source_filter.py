"""Speech as a source (the voice's pulses, the breath's noise) sent through the filter of the vocal tract."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from scipy.ndimage import median_filter
from scipy.signal import lfilter

from detectors.generation.base import SAMPLE_RATE
from detectors.generation.spectra import Samples, Spectrum, istft, minimum_phase, stft

HOP = 80  # 5 ms
FRAME = 640  # 40 ms: two periods of 50 Hz
LOWEST, HIGHEST = 60.0, 400.0  # Hz
VOICED = 0.45  # normalised autocorrelation


def pitch(samples: Samples) -> tuple[Samples, Samples]:
    """Return fundamental frequency in Hz and periodicity in [0, 1], one figure each 5 ms.

    Normalised autocorrelation; where the periodicity is below 0.45 the frame is taken for unvoiced and the
    frequency is that of the voiced frames around it.
    """
    padded = np.pad(samples, (FRAME // 2, FRAME))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP][: len(samples) // HOP + 1]
    frames = frames - frames.mean(axis=1, keepdims=True)
    spectra = np.fft.rfft(frames * np.hanning(FRAME), 2 * FRAME, axis=1)
    correlation = np.fft.irfft(np.abs(spectra) ** 2, axis=1)
    window = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(FRAME), 2 * FRAME)) ** 2)
    shortest, longest = int(SAMPLE_RATE / HIGHEST), int(SAMPLE_RATE / LOWEST)
    lags = np.arange(shortest, longest)
    normal = correlation[:, lags] / np.maximum(correlation[:, :1], 1e-9) * (window[0] / window[lags])
    # Every multiple of the period peaks alike: the shortest wins.
    best = np.argmax(normal - 0.1 * lags / longest, axis=1)
    periodicity = np.clip(normal[np.arange(len(best)), best], 0, 1)
    frequency = SAMPLE_RATE / lags[best]
    voiced = np.flatnonzero(periodicity >= VOICED)
    if len(voiced) == 0:
        return np.full(len(best), 120.0), np.zeros(len(best))
    filled = np.interp(np.arange(len(best)), voiced, frequency[voiced])
    smooth: Samples = median_filter(filled, 5)
    return smooth, np.where(periodicity >= VOICED, periodicity, 0.0)


def pulses(frequency: Samples, length: int) -> Samples:
    """Return unit-power pulses at a fundamental frequency in Hz that is given each 5 ms."""
    each = np.interp(np.arange(length), np.arange(len(frequency)) * HOP, frequency)
    turns = np.cumsum(each / SAMPLE_RATE)
    train = np.zeros(length)
    at = np.flatnonzero(np.diff(np.floor(turns)) > 0) + 1
    train[at] = np.sqrt(SAMPLE_RATE / each[at])
    return train


def mixed_excitation(samples: Samples, size: int, breath: float, minimum: bool, rng: Generator) -> Samples:
    """Speak again from pitch, periodicity and a smooth spectral envelope.

    Args:
        size: of the spectra, in samples.
        breath: how much noise the highest frequencies of voiced speech get, 0 to 1.
        minimum: shape by minimum-phase filters instead of zero-phase ones.
    """
    hop = size // 8
    length = len(samples)
    frequency, periodicity = pitch(samples)
    spectra = stft(samples, size, hop)
    places = np.arange(len(spectra)) * hop / HOP
    voice = np.interp(places, np.arange(len(periodicity)), periodicity)[:, None]
    rise = np.linspace(0, 1, spectra.shape[1])[None]
    noisy = np.clip(1 - voice * (1 - breath * rise), 0, 1)
    train = stft(pulses(frequency, length), size, hop)
    noise = stft(rng.standard_normal(length), size, hop)
    excitation = np.sqrt(1 - noisy) * train + np.sqrt(noisy) * noise
    lifter = int(SAMPLE_RATE / float(np.median(frequency)) * 0.6)
    envelope = cepstral_envelope(np.abs(spectra), lifter)
    flat = cepstral_envelope(np.abs(excitation), lifter)
    shape: Spectrum = minimum_phase(envelope) if minimum else envelope.astype(np.complex128)
    return istft(excitation / np.maximum(flat, 1e-6) * shape, size, hop, length)


def cepstral_envelope(magnitudes: NDArray[np.float64], lifter: int) -> NDArray[np.float64]:
    """Smooth magnitudes ``(frames, bins)`` by keeping the first ``lifter`` coefficients of their cepstra."""
    size = 2 * (magnitudes.shape[1] - 1)
    cepstra = np.fft.irfft(np.log(np.maximum(magnitudes, 1e-6)), size, axis=1)
    lifter = min(lifter, size // 2 - 1)
    cepstra[:, lifter : size - lifter + 1] = 0
    envelope: NDArray[np.float64] = np.exp(np.fft.rfft(cepstra, axis=1).real)
    return envelope


def linear_prediction(samples: Samples, order: int, rng: Generator) -> Samples:
    """Filter pulses (voiced) or noise (unvoiced) by each frame's all-pole model; frames overlap by half."""
    size, hop = 480, 240
    frequency, periodicity = pitch(samples)
    length = len(samples)
    source = pulses(frequency, length + size)
    noise = rng.standard_normal(length + size)
    padded = np.pad(samples, (0, size))
    window = np.hanning(size + 1)[:-1]
    spoken = np.zeros(length + size)
    for start in range(0, length, hop):
        frame = padded[start : start + size] * window
        correlation = np.correlate(frame, frame, "full")[size - 1 : size + order]
        if correlation[0] < 1e-9:
            continue
        correlation[0] *= 1 + 1e-5  # a white floor 50 dB down keeps the filter stable
        taps = solve_toeplitz(correlation[:-1], correlation[1:])
        voiced = periodicity[min((start + hop) // HOP, len(periodicity) - 1)] > 0
        drive = (source if voiced else noise)[start : start + size]
        made = lfilter([1.0], np.concatenate(([1.0], -taps)), drive)
        power = float(np.sqrt(np.mean(np.square(made * window))))
        gain = np.sqrt(correlation[0] / size) / power if power > 0 else 0.0
        spoken[start : start + size] += made * gain * window
    return spoken[:length]
