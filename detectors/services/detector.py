"""What detectors that get their services from the configuration share."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Self

from detectors.base import ServiceDetector

if TYPE_CHECKING:
    from pathlib import Path

    from detectors.record import WeightsRecord


class ConfiguredDetector(ServiceDetector):
    """A detector that is built with the services of the configuration, each of which may be left out."""

    @abstractmethod
    def __init__(self, record: WeightsRecord, *, weights_dir: Path | None = None) -> None:
        """Subclasses take their services besides, each of which may be left out."""

    @classmethod
    def load(cls, record: WeightsRecord, device: str = "cpu", weights_dir: Path | None = None) -> Self:
        """Build it without services, which only configuration can give.

        Raises:
            WeightsError: see the class.
        """
        del device
        return cls(record, weights_dir=weights_dir)
