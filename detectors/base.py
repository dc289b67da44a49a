"""What every detector is: a network with its own preprocessing that gives one score for one view.

A *view* is a decoded form of a medium that detectors share (DESIGN: frames, face crops, waveform ...).
The engine makes each view once per medium; a detector names the one that it needs and never opens a file.

Shapes and ranges of the views:

========== =====================================================================================
FRAMES     uint8 ``(N, H, W, 3)`` sRGB, upright, in time order; a still picture has ``N == 1``
FACES      uint8 ``(N, S, S, 3)`` sRGB, one padded square crop per face and frame
FACE_CLIPS uint8 ``(C, T, S, S, 3)`` sRGB, tracked and aligned
WAVEFORM   float32 ``(samples,)`` in [-1, 1], mono, 16 kHz
TRANSCRIPT ``str``
========== =====================================================================================
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, final

if TYPE_CHECKING:
    from torch import Tensor

    from detectors.record import WeightsRecord


class Modality(StrEnum):
    """What a detector can judge. Calibration and measured results are kept per modality."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"


class View(StrEnum):
    """The decoded form that a detector needs; shapes and ranges are in the module's table."""

    FRAMES = "frames"
    FACES = "faces"
    FACE_CLIPS = "face_clips"
    WAVEFORM = "waveform"
    TRANSCRIPT = "transcript"


@dataclass(frozen=True, slots=True)
class Output:
    """What one detector says of one medium.

    ``score`` is probability-like in [0, 1], 1 = fake. ``evidence`` holds JSON-serialisable extras, such as
    ``{"frame_scores": [0.1, 0.7]}``.
    """

    score: float
    evidence: Mapping[str, Any] = field(default_factory=dict)


class Detector(ABC):
    """One detector with its weights loaded, in evaluation mode, on one device.

    The three steps are separate so that the engine can batch the middle one over several media:
    ``preprocess`` (one medium to a stack of network inputs), ``forward`` (any stack to logits) and
    ``reduce`` (one medium's logits to its output). ``detect`` is the plain path through all three.
    """

    view: ClassVar[View]
    record: WeightsRecord

    @abstractmethod
    def preprocess(self, view: Tensor) -> Tensor:
        """Return the network's inputs, first dimension = items to score.

        Raises:
            NotApplicable: this medium cannot be judged (too small, silent, no face ...).
        """

    @abstractmethod
    def forward(self, batch: Tensor) -> Tensor:
        """Return one logit per item, float32 ``(len(batch),)``; positive = fake.

        A detector whose published score needs more figures of each item returns ``(len(batch), ...)``.
        """

    @abstractmethod
    def reduce(self, logits: Tensor) -> Output:
        """Combine the logits of one medium's items into its output."""

    def detect(self, view: Any) -> Output:
        """Judge one medium.

        Raises:
            NotApplicable: see `preprocess`.
        """
        return self.reduce(self.forward(self.preprocess(view)))


class ServiceDetector(Detector):
    """A detector that asks services, such as a language model, instead of running a network of its own.

    It judges one medium at a time and waits for others: `detect` is its only step, and there is nothing to
    batch.
    """

    @abstractmethod
    def detect(self, view: Any) -> Output:
        """Judge one medium.

        Raises:
            NotApplicable: this medium cannot be judged, or a service was of no use.
        """

    @final
    def preprocess(self, view: Tensor) -> NoReturn:
        """Raise TypeError: see the class."""
        del view
        self._refuse()

    @final
    def forward(self, batch: Tensor) -> NoReturn:
        """Raise TypeError: see the class."""
        del batch
        self._refuse()

    @final
    def reduce(self, logits: Tensor) -> NoReturn:
        """Raise TypeError: see the class."""
        del logits
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise TypeError(f"{self.record.name} asks services and has no network; call detect")
