"""Steps for sound: encoders, telephones, rooms, noise. Sounds are float32 mono ``(samples,)`` at 16 kHz."""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Literal

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray
from scipy import signal

from detectors.generation.base import SAMPLE_RATE, Sound
from detectors.generation.laundering.base import Codec, Step

Law = Literal["mu", "a"]
LAWS: tuple[Law, ...] = ("mu", "a")


@dataclass(frozen=True, slots=True)
class _SoundFile(Codec[Sound]):
    """A codec that PyAV writes; what comes back has as many samples as what went in."""

    codec: ClassVar[str]
    container: ClassVar[str]

    def _rates(self) -> tuple[int, int | None]:
        """The file's sample rate, and its bit rate where it has one."""
        return SAMPLE_RATE, None

    def encode(self, medium: Sound) -> bytes:
        """Write; no dates and no random serial numbers."""
        rate, bit_rate = self._rates()
        buffer = io.BytesIO()
        with av.open(buffer, "w", format=self.container, container_options={"fflags": "+bitexact"}) as file:
            stream = file.add_stream(self.codec, rate, layout="mono")
            assert isinstance(stream, AudioStream)
            if bit_rate is not None:
                stream.bit_rate = bit_rate
            frame = av.AudioFrame.from_ndarray(medium[None].clip(-1, 1), format="flt", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE, Fraction(1, SAMPLE_RATE), 0
            resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate)
            for resampled in (*resampler.resample(frame), *resampler.resample(None)):
                file.mux(stream.encode(resampled))
            file.mux(stream.encode(None))
        return buffer.getvalue()

    def decode(self, encoded: bytes, like: Sound) -> Sound:
        """Read; what the encoder appended is cut, what it swallowed is silence."""
        sound = decode_sound(io.BytesIO(encoded))[: len(like)]
        return np.pad(sound, (0, len(like) - len(sound)))


def decode_sound(file: io.BytesIO | str) -> Sound:
    """Decode the first sound stream of a file as mono at `SAMPLE_RATE`.

    Raises:
        av.FFmpegError: no readable sound.
    """
    with av.open(file, "r") as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        parts = [np.zeros(0, np.float32)]
        for frame in container.decode(audio=0):
            frame.pts = None
            parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
        parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    return np.concatenate(parts)


@dataclass(frozen=True, slots=True)
class Mp3(_SoundFile):
    """MP3 (LAME); `rate` in samples, `bit_rate` in bits a second."""

    suffix: ClassVar[str] = ".mp3"
    codec: ClassVar[str] = "libmp3lame"
    container: ClassVar[str] = "mp3"
    bit_rate: int
    rate: int = 24_000

    def _rates(self) -> tuple[int, int | None]:
        return self.rate, self.bit_rate


@dataclass(frozen=True, slots=True)
class Aac(_SoundFile):
    """AAC-LC in MP4; `rate` in samples, `bit_rate` in bits a second."""

    suffix: ClassVar[str] = ".m4a"
    codec: ClassVar[str] = "aac"
    container: ClassVar[str] = "ipod"
    bit_rate: int
    rate: int = 24_000

    def _rates(self) -> tuple[int, int | None]:
        return self.rate, self.bit_rate


@dataclass(frozen=True, slots=True)
class Opus(_SoundFile):
    """Opus in Ogg, as voice notes are; `bit_rate` in bits a second."""

    suffix: ClassVar[str] = ".ogg"
    codec: ClassVar[str] = "libopus"
    container: ClassVar[str] = "ogg"
    bit_rate: int

    def _rates(self) -> tuple[int, int | None]:
        return SAMPLE_RATE, self.bit_rate


@dataclass(frozen=True, slots=True)
class Wav(_SoundFile):
    """16-bit PCM."""

    suffix: ClassVar[str] = ".wav"
    codec: ClassVar[str] = "pcm_s16le"
    container: ClassVar[str] = "wav"


@dataclass(frozen=True, slots=True)
class Telephone(Step[Sound]):
    """A telephone line: 300-3400 Hz at 8 kHz, companded to 8 bits by G.711's mu-law or A-law curve."""

    law: Law

    def __call__(self, medium: Sound) -> Sound:
        """Send it through."""
        narrow = signal.resample_poly(medium.astype(np.float64), 1, 2)
        band = signal.butter(4, (300, 3400), "bandpass", fs=SAMPLE_RATE / 2, output="sos")
        companded = _compand(signal.sosfilt(band, narrow).clip(-1, 1), self.law)
        wide = signal.resample_poly(_expand(np.round(companded * 127) / 127, self.law), 2, 1)
        heard: Sound = wide[: len(medium)].astype(np.float32)
        return heard


def _compand(sound: NDArray[np.float64], law: str) -> NDArray[np.float64]:
    size = np.abs(sound)
    if law == "mu":
        narrow: NDArray[np.float64] = np.sign(sound) * np.log1p(255 * size) / np.log(256)
        return narrow
    low = 87.6 * size / (1 + np.log(87.6))
    high = (1 + np.log(np.maximum(87.6 * size, 1))) / (1 + np.log(87.6))
    curve: NDArray[np.float64] = np.sign(sound) * np.where(size < 1 / 87.6, low, high)
    return curve


def _expand(sound: NDArray[np.float64], law: str) -> NDArray[np.float64]:
    size = np.abs(sound)
    if law == "mu":
        wide: NDArray[np.float64] = np.sign(sound) * np.expm1(size * np.log(256)) / 255
        return wide
    low = size * (1 + np.log(87.6)) / 87.6
    high = np.exp(size * (1 + np.log(87.6)) - 1) / 87.6
    curve: NDArray[np.float64] = np.sign(sound) * np.where(size < 1 / (1 + np.log(87.6)), low, high)
    return curve


@dataclass(frozen=True, slots=True)
class Gain(Step[Sound]):
    """Louder or softer by `decibels`, cut at full scale."""

    decibels: float

    def __call__(self, medium: Sound) -> Sound:
        """Scale."""
        louder: Sound = (medium * np.float32(10 ** (self.decibels / 20))).clip(-1, 1)
        return louder


@dataclass(frozen=True, slots=True)
class Hiss(Step[Sound]):
    """Noise whose power falls as 1 / f^`slope` (0 white, 1 pink, 2 brown).

    `decibels` is its level below full scale, not below the sound: a pair gets the very same noise.
    """

    decibels: float
    slope: float
    seed: int

    def __call__(self, medium: Sound) -> Sound:
        """Add it."""
        white = np.random.default_rng(self.seed).normal(size=len(medium))
        spectrum = np.fft.rfft(white)
        spectrum *= np.maximum(np.arange(len(spectrum)), 1) ** (-self.slope / 2)
        noise = np.fft.irfft(spectrum, len(medium))
        noise *= 10 ** (-abs(self.decibels) / 20) / max(float(np.sqrt(np.mean(noise**2))), 1e-12)
        noisy: Sound = (medium + noise).clip(-1, 1).astype(np.float32)
        return noisy


@dataclass(frozen=True, slots=True)
class Room(Step[Sound]):
    """Reverberation: exponentially decaying noise as the room's answer.

    `seconds` is the time in which it falls by 60 dB, `wet` its share of the direct sound's energy.
    """

    seconds: float
    wet: float
    seed: int

    def __call__(self, medium: Sound) -> Sound:
        """Play it in the room; the direct sound keeps its place and level."""
        time = np.arange(int(self.seconds * SAMPLE_RATE)) / SAMPLE_RATE
        answer = np.random.default_rng(self.seed).normal(size=len(time)) * 10 ** (-3 * time / self.seconds)
        answer *= np.sqrt(self.wet / np.sum(answer**2))
        answer[0] = 1.0
        heard = signal.fftconvolve(medium.astype(np.float64), answer)[: len(medium)]
        played: Sound = heard.clip(-1, 1).astype(np.float32)
        return played
