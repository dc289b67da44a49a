"""The data model of an analysis: what goes in, what comes out, in plain values.

No torch, no decoder: every room above may import this module for the price of a few dataclasses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from analysis.provenance.model import Provenance


class Kind(StrEnum):
    """What a medium is. A moving GIF, WebP, APNG or AVIF is a video without sound."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"


class Band(StrEnum):
    """The verdict in one word; `severity` orders them for a post with several media."""

    TRUSTED = "trusted"
    LOW = "low"
    UNCERTAIN = "uncertain"
    HIGH = "high"
    UNKNOWN = "unknown"

    @property
    def severity(self) -> int:
        """0 (nothing could be said) to 4 (substantial evidence of manipulation)."""
        return _SEVERITY[self]


_SEVERITY = {Band.UNKNOWN: 0, Band.TRUSTED: 1, Band.LOW: 2, Band.UNCERTAIN: 3, Band.HIGH: 4}


@dataclass(frozen=True, slots=True)
class Probe:
    """What the headers of a file say, read before anything is decoded.

    ``width`` and ``height`` are in pixels as displayed (after rotation); ``duration`` in seconds;
    ``frames`` is 1 for a still picture and may be an estimate for video. ``mime`` comes from the bytes,
    never from the file's name. ``jpeg_quality`` is estimated from the quantisation tables, 1 to 100.
    ``frame_seconds``: once a clip is decoded, when each frame that was taken from it is shown, in seconds
    from its first one; empty where the file does not tell.
    """

    kind: Kind
    mime: str
    size: int
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    frames: int | None = None
    frame_rate: float | None = None
    has_audio: bool = False
    codec: str | None = None
    jpeg_quality: int | None = None
    notes: tuple[str, ...] = ()
    frame_seconds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """One detector's output: ``score`` in [0, 1], 1 = fake, or not applicable with a reason.

    ``weights`` tells apart what gave it (`detectors.record.WeightsRecord.digest`).
    """

    detector: str
    score: float | None
    applicable: bool
    reason: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    weights: str | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of a verdict: a stable code for templates and filters, and the sentence that people read.

    ``figures`` are what the sentence was made from, for other languages: names and numbers by name.
    """

    code: str
    text: str
    figures: Mapping[str, str | int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The ensemble's answer.

    ``probability`` of generation or manipulation lies in [0.01, 0.99] and is None where the policy states
    none (`vote`) or nothing could be judged. ``calibration`` names the data sets and date behind the number.
    """

    band: Band
    probability: float | None
    policy: str
    reasons: tuple[Reason, ...]
    calibration: str | None = None


@dataclass(frozen=True, slots=True)
class Likeness:
    """What near copies of a medium are recognised by (`analysis.perceptual`).

    ``pieces`` are integers in [0, 2^20): two near copies share some of them. ``sketch`` confirms a copy.
    """

    pieces: tuple[int, ...]
    sketch: bytes


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier analysis of a medium that the one at hand is a near copy of.

    ``verdict`` is what it would be had that medium said nothing of its origin.
    """

    sha256: str
    analysed_at: datetime
    scores: tuple[Score, ...]
    verdict: Verdict


class Recall(Protocol):
    """A memory of earlier analyses that the engine asks between decoding and the networks."""

    def __call__(self, likeness: Likeness, fingerprint: str) -> Earlier | None:
        """An analysis with this very fingerprint of a medium of which this one is a near copy, if any.

        Called from the engine's threads, side by side. It raises nothing: what cannot be recalled is judged.
        """


@dataclass(frozen=True, slots=True)
class Analysis:
    """One run of the engine on one medium. ``timing`` holds seconds per stage.

    ``copy_of``: the networks were not run, the scores are those of this earlier analysis. ``likeness``: what
    near copies of the medium can be recognised by, where the engine has a `Recall` and the networks were run.
    """

    sha256: str
    probe: Probe
    scores: tuple[Score, ...]
    verdict: Verdict
    timing: Mapping[str, float]
    fingerprint: str
    provenance: Provenance = field(default_factory=Provenance)
    copy_of: Earlier | None = None
    likeness: Likeness | None = None


class Analyzer(Protocol):
    """The engine behind one interface: embedded today, a remote service tomorrow (DESIGN decision 7)."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same medium could get another verdict (detectors, weights, policy)."""

    def warm_up(self, on_progress: Callable[[str], None] | None = None) -> None:
        """Load what is needed now rather than with the first file; `on_progress` hears each step by name.

        Raises:
            ConfigurationError: the engine cannot be used as configured.
            EngineFailed: it cannot be used now.
        """

    def submit(self, path: Path, *, on_stage: Callable[[str], None] | None = None) -> Future[Analysis]:
        """Queue one file for analysis; blocks only while the engine's bounded queue is full.

        ``on_stage`` hears each stage of ``timing`` by name when it is done, on the engine's threads; it must
        return at once and raise nothing.

        The future raises:
            MediumRefused: this medium cannot be judged; do not try again.
            EngineFailed: the engine is at fault; worth another try.
        """

    def close(self) -> None:
        """Stop taking work, finish or cancel what is queued, end child processes. Safe to call twice."""
