"""What detectors have in common that run one network of their own."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Self

import torch
from torch import nn

from detectors import weights
from detectors.base import Detector
from detectors.record import WeightsRecord


class NetworkDetector(Detector):
    """A detector with one network, which the record's main file fills."""

    def __init__(self, network: nn.Module, record: WeightsRecord, device: str = "cpu") -> None:
        self.record = record
        self._device = torch.device(device)
        self._network = network.eval().to(self._device)

    @classmethod
    @abstractmethod
    def build(cls, record: WeightsRecord) -> nn.Module:
        """Return the network that the record is for, without weights; on the meta device if that will do."""

    @classmethod
    def filled(cls, record: WeightsRecord, weights_dir: Path | None = None) -> nn.Module:
        """Return the network with its weights.

        Raises:
            WeightsError: see `weights.load_into`.
        """
        network = cls.build(record)
        weights.load_into(network, record, weights_dir)
        return network

    @classmethod
    def load(cls, record: WeightsRecord, device: str = "cpu", weights_dir: Path | None = None) -> Self:
        """Build the detector with its weights, in evaluation mode.

        Raises:
            WeightsError: see `weights.load_into`.
        """
        return cls(cls.filled(record, weights_dir), record, device)
