"""What detectors have in common whose network judges each picture or frame alone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from detectors import aggregation, frames, weights
from detectors.base import Detector, Output, View
from detectors.record import WeightsRecord


class FrameDetector(Detector):
    """A detector of pictures that judges a video by the mean of its frames' logits.

    A subclass builds the network, prepares frames for it and says how its output becomes one logit.
    """

    view = View.FRAMES

    def __init__(self, network: nn.Module, record: WeightsRecord, device: str = "cpu") -> None:
        self.record = record
        self._device = torch.device(device)
        self._network = network.eval().to(self._device)
        # Convolutions are faster so on a CPU; a batch made from ``(N, H, W, 3)`` has this layout already.
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    @abstractmethod
    def build(cls) -> nn.Module:
        """Return the network without weights."""

    @classmethod
    def load(cls, record: WeightsRecord, device: str = "cpu", weights_dir: Path | None = None) -> Self:
        """Build the network without storage and give it the file's tensors: it exists once in memory.

        Raises:
            WeightsError: see `weights.read`, and `WeightsMismatch` for tensors that do not fit.
        """
        state = cls.read(record, weights_dir)
        with torch.device("meta"):
            network = cls.build_for(state)
        weights.fill(network, state, " with ".join(part.file.name for part in record.files()))
        return cls(network, record, device)

    @classmethod
    def read(cls, record: WeightsRecord, weights_dir: Path | None = None) -> Mapping[str, Tensor]:
        """Return the network's tensors out of the published files'.

        Raises:
            WeightsError: see `weights.read`, and `WeightsMismatch` for files that do not belong together.
        """
        return weights.read(record, weights_dir)

    @classmethod
    def build_for(cls, state: Mapping[str, Tensor]) -> nn.Module:
        """Return the network that these tensors fit, where published files differ in their sizes."""
        del state
        return cls.build()

    @abstractmethod
    def prepare(self, frames: Tensor) -> Tensor:
        """Map uint8 ``(N, H, W, 3)``, N >= 1 and sides >= 64, to the network's input ``(N, 3, h, w)``."""

    def preprocess(self, view: Tensor) -> Tensor:
        """Prepare frames: float32 ``(N, 3, h, w)`` on the detector's device.

        Raises:
            NotApplicable: no frame, or a side shorter than 64 pixels.
        """
        frames.require(view)
        return self.prepare(view).to(self._device)

    @torch.inference_mode()
    def forward(self, batch: Tensor) -> Tensor:
        """Return one logit per picture or frame, float32 ``(len(batch),)``."""
        return self.logit(self._network(batch))

    def logit(self, output: Tensor) -> Tensor:
        """Map the network's output ``(N, 1)``, positive = fake, to ``(N,)``."""
        return output[:, 0]

    def reduce(self, logits: Tensor) -> Output:
        """Average the logits; several frames leave their own scores as ``frame_scores`` in the evidence."""
        return aggregation.of_logits(logits, "frame")
