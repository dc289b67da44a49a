"""What detectors of single frames have in common whose network has tens of millions of parameters or more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from detectors import weights
from detectors.frame_detector import FrameDetector
from detectors.record import WeightsRecord


class LargeFrameDetector(FrameDetector):
    """A detector of pictures that takes its weights over from the file instead of copying them."""

    @classmethod
    def load(cls, record: WeightsRecord, device: str = "cpu", weights_dir: Path | None = None) -> Self:
        """Build the network without storage and give it the file's tensors.

        Raises:
            WeightsError: see `weights.load_into`.
        """
        state = cls.read(record, weights_dir)
        with torch.device("meta"):
            network = cls.build_for(state)
        weights.fill(network, state, record.file.name)
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
