"""What a laundering chain is: steps whose parameters are drawn already, so that pairs travel alike.

Drawing and applying are apart. A preset draws a `Chain` once; the chain is then applied to a real medium and
to its fake, and both leave with the same size, the same encoder settings and the same noise.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.generation.base import Description, Mask

Medium = TypeVar("Medium", bound=NDArray[Any])


@dataclass(frozen=True, slots=True)
class Step(ABC, Generic[Medium]):
    """One thing that is done to a medium on its way. Subclasses are frozen dataclasses of plain values."""

    @abstractmethod
    def __call__(self, medium: Medium) -> Medium:
        """Apply it; the same medium gives the same result every time."""

    def follow(self, mask: Mask) -> Mask:
        """Take a picture's mask along; steps that move or cut pixels override this."""
        return mask

    def describe(self) -> Description:
        """Its name and parameters, JSON-able."""
        values = dataclasses.asdict(self)
        named = {
            key: value.name.lower() if isinstance(value, Enum) else value for key, value in values.items()
        }
        return {"step": type(self).__name__, **named}


@dataclass(frozen=True, slots=True)
class Codec(Step[Medium]):
    """A step that writes a file and reads it again."""

    suffix: ClassVar[str]

    @abstractmethod
    def encode(self, medium: Medium) -> bytes:
        """The file's bytes."""

    @abstractmethod
    def decode(self, encoded: bytes, like: Medium) -> Medium:
        """Read them again, with the shape of `like`."""

    def __call__(self, medium: Medium) -> Medium:
        """Write and read."""
        return self.decode(self.encode(medium), medium)


@dataclass(frozen=True, slots=True)
class Chain(Generic[Medium]):
    """Steps in the order in which they are applied."""

    preset: str
    steps: tuple[Step[Medium], ...]

    def __call__(self, medium: Medium) -> Medium:
        """The medium as somebody sees it who downloads it at the end."""
        for step in self.steps:
            medium = step(medium)
        return medium

    def deliver(self, medium: Medium, lossless: Codec[Medium]) -> tuple[bytes, str]:
        """The file that somebody downloads at the end, and its suffix.

        Decoding it gives what `__call__` gives.

        Args:
            lossless: writes the file where the chain does not end in a codec.
        """
        steps, codec = self.steps, lossless
        if steps and isinstance(last := steps[-1], Codec):
            steps, codec = steps[:-1], last
        for step in steps:
            medium = step(medium)
        return codec.encode(medium), codec.suffix

    def follow(self, mask: Mask) -> Mask:
        """Take a picture's mask along all steps."""
        for step in self.steps:
            mask = step.follow(mask)
        return np.ascontiguousarray(mask, dtype=np.float32)

    def describe(self) -> Description:
        """The preset and all parameters, JSON-able."""
        return {"preset": self.preset, "steps": [step.describe() for step in self.steps]}
