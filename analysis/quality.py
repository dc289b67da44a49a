"""The state in which a medium arrived: compression, size, blur, bandwidth, clipping, and what that is worth.

Detectors were measured on media in some range of states. Inside of it their evidence counts as measured;
below it nothing was measured, and less of it counts the further below a medium lies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from analysis.ensemble.reasons import ReasonCode, reason
from analysis.errors import ConfigurationError
from analysis.model import Kind, Probe, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from analysis.decoding.decoder import Decoded

QUALITY_FILE: Final = Path(__file__).with_name("quality.json")
_SIDE = 512  # of the copies whose blur is measured: the shorter side, or up to twice that
_FRAMES = 3
_SAMPLE_RATE = 16_000
_SOUND_SECONDS = 30
_EDGE_DB = 50.0
_SLIGHT = 0.95  # what takes less than a twentieth is not worth naming beside something worse
# Codecs by how many bits a pixel of a frame takes at about the same quality.
_THRIFTY = {"hevc", "vp9", "av1", "libdav1d", "vvc", "HEIF", "AVIF"}
_LOSSY = _THRIFTY | {"h264", "mpeg4", "vp8", "mpeg2video", "mpeg1video", "WEBP"}


class Curve(BaseModel):
    """How much of the evidence counts by the value of a measure: straight lines between knots, level outside.

    ``ground`` says whether the knots come from media on which detectors were measured, or are an assumption.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    knots: Annotated[tuple[tuple[float, float], ...], Field(min_length=2)]
    ground: Literal["measured", "stated"]
    media: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _rises(self) -> Self:
        values, shares = zip(*self.knots, strict=True)
        if list(values) != sorted(set(values)) or list(shares) != sorted(shares):
            raise ValueError("knots must rise")
        if shares[0] < 0 or shares[-1] != 1:
            raise ValueError("shares must rise from 0 or more to 1")
        return self

    def share(self, value: float) -> float:
        """The share in [0, 1] for a value."""
        if value <= self.knots[0][0]:
            return self.knots[0][1]
        for (low, below), (high, above) in zip(self.knots, self.knots[1:], strict=False):
            if value <= high:
                return below + (above - below) * (value - low) / (high - low)
        return 1.0


class QualityMap(BaseModel):
    """The curves by kind and measure; what has none changes nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    date: str
    note: str
    curves: Mapping[Kind, Mapping[str, Curve]]


@dataclass(frozen=True, slots=True)
class Quality:
    """``share`` in [0, 1] of the evidence that counts, and what limits it, in words."""

    share: float
    causes: tuple[str, ...] = ()


@cache
def load_quality_map(path: Path = QUALITY_FILE) -> QualityMap:
    """Read the curves.

    Raises:
        ConfigurationError: the file is missing or malformed.
    """
    try:
        return QualityMap.model_validate_json(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise ConfigurationError(
            f"{path.name} cannot be used ({first}); restore it from the release"
        ) from error


def assess(kind: Kind, measures: Mapping[str, float], curves: QualityMap) -> Quality:
    """Map measures to one share: the worst of them decides, for they spoil the same traces."""
    shares = {
        name: curve.share(measures[name])
        for name, curve in curves.curves.get(kind, {}).items()
        if name in measures
    }
    worst = min(shares.values(), default=1.0)
    told = [name for name, share in shares.items() if share < 1 and share <= max(worst, _SLIGHT)]
    causes = tuple(_cause(name, measures[name]) for name in told)
    return Quality(round(worst, 4), causes)


def with_quality(verdict: Verdict, quality: Quality) -> Verdict:
    """Return the verdict with what is wrong with the medium, where its policy took that into account."""
    if not any(item.code == ReasonCode.LOW_QUALITY for item in verdict.reasons) or not quality.causes:
        return verdict
    told = reason(ReasonCode.QUALITY_CAUSE, "what costs evidence: it is " + "; ".join(quality.causes))
    return replace(verdict, reasons=(*verdict.reasons, told))


def measure(medium: Decoded) -> dict[str, float]:
    """Measure a medium; a measure that it has not is absent.

    ``short_side`` in pixels; ``jpeg_quality`` 1 to 100; ``blur``: variance of the Laplacian of the luma, 0 to
    255, of copies with a shorter side of 512 to 1023 pixels (smaller ones as they are), median of a few
    frames; ``bits_per_pixel`` of a picture or of each frame of a clip (sound included), doubled for the
    thrifty codecs, absent for JPEG and lossless pictures; ``bandwidth`` in Hz, at most 8000; ``unclipped``:
    share of samples.
    """
    found = _of_headers(medium.probe)
    if medium.frames is not None:
        found["blur"] = blur(medium.frames)
    if medium.waveform is not None and medium.waveform.any():
        sound = medium.waveform[: _SAMPLE_RATE * _SOUND_SECONDS]
        found["bandwidth"] = bandwidth(sound)
        found["unclipped"] = float((abs(sound) < 0.999).mean())
    return found


def _of_headers(probe: Probe) -> dict[str, float]:
    found: dict[str, float] = {}
    if probe.kind is Kind.AUDIO or not probe.width or not probe.height:
        return found
    found["short_side"] = min(probe.width, probe.height)
    if probe.jpeg_quality is not None:
        found["jpeg_quality"] = probe.jpeg_quality
    elif probe.codec in _LOSSY:
        bits = 8 * probe.size / (probe.width * probe.height * max(probe.frames or 1, 1))
        found["bits_per_pixel"] = bits * 2 if probe.codec in _THRIFTY else bits
    return found


def blur(frames: NDArray[np.uint8]) -> float:
    """Median over a few frames of the variance of the Laplacian (Pech-Pacheco et al. 2000, ICPR) of small
    copies: little where nothing is sharp.
    """
    import numpy as np

    chosen = np.unique(np.linspace(0, len(frames) - 1, _FRAMES).round().astype(int))
    return float(np.median([_laplacian_variance(frames[number]) for number in chosen]))


def _laplacian_variance(frame: NDArray[np.uint8]) -> float:
    import numpy as np
    from PIL import Image

    grey = Image.fromarray(frame).convert("L")
    luma = np.asarray(grey.reduce(max(1, min(grey.size) // _SIDE)), np.float32)
    if min(luma.shape) < 3:
        return 0.0
    sides = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return float((sides - 4 * luma[1:-1, 1:-1]).var())


def bandwidth(waveform: NDArray[np.float32]) -> float:
    """The frequency in Hz above which a sound at 16 kHz has nothing: 50 dB below the strongest tenth."""
    import numpy as np

    size = 1024
    samples = np.pad(waveform, (0, max(0, size - len(waveform))))
    blocks = samples[: len(samples) // size * size].reshape(-1, size) * np.hanning(size).astype(np.float32)
    power = (np.abs(np.fft.rfft(blocks, axis=1)) ** 2).mean(axis=0)
    strongest = np.sort(power)[-len(power) // 10 :].mean()
    loud = np.flatnonzero(power > strongest * 10 ** (-_EDGE_DB / 10))
    return float(loud[-1] * _SAMPLE_RATE / size) if loud.size else 0.0


def _cause(name: str, value: float) -> str:
    match name:
        case "short_side":
            return f"small ({value:.0f} pixels on its shorter side)"
        case "jpeg_quality":
            return f"compressed (JPEG quality about {value:.0f} of 100)"
        case "bits_per_pixel":
            return f"compressed ({value:.2g} bits per pixel)"
        case "blur":
            return "blurred or without detail"
        case "bandwidth":
            return f"without high tones (nothing above {value / 1000:.1f} kHz)"
        case _:
            return f"overdriven ({1 - value:.1%} of the sound is clipped)"
