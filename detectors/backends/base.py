"""The words of running networks: which backend is wished for, and the forward step that came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

PLAIN = "torch f32"


class Backend(StrEnum):
    """Who runs the networks; AUTO measures once per network and machine, and takes the fastest."""

    AUTO = "auto"
    TORCH = "torch"
    OPENVINO = "openvino"


@dataclass(frozen=True, slots=True)
class Choice:
    """What is wished for.

    ``exact`` keeps float32 throughout. ``threads`` is for networks on a CPU. ``folder`` keeps converted
    networks and what was measured of them; None keeps nothing.
    """

    backend: Backend = Backend.AUTO
    exact: bool = False
    threads: int = 2
    folder: Path | None = None

    @property
    def tolerance(self) -> float:
        """Largest difference of a logit from float32 torch's.

        It is absolute, for small logits and for large: a score moves by a quarter of it at most, and a
        calibrator reads logits as they are.
        """
        return 1e-4 if self.exact else 2e-2


@dataclass(frozen=True, slots=True)
class Forward:
    """A detector's forward step: inputs ``(N, ...)`` to logits ``(N, ...)``, any N.

    ``runner`` says who computes it, such as "openvino bf16".
    """

    run: Callable[[Tensor], Tensor]
    runner: str = PLAIN

    def __call__(self, batch: Tensor) -> Tensor:
        """The logits, float32."""
        return self.run(batch)
