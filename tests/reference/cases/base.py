"""What a model brings to the parity suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from tests.reference.vectors import Rule, Vectors

Fields = Mapping[str, Tensor]


@dataclass(frozen=True)
class Case:
    """How one model is built and run.

    ``outputs`` computes stored fields that depend on the weights, ``inputs`` those that do not, ``tapped`` is
    the run during which sub-modules are compared with the stored taps. ``rule`` is the weight rule's;
    ``dead`` are beginnings of names of published tensors that never reach the output and that our network
    does not have; ``untapped`` are stored taps of what our network does not compute, or not again.
    """

    name: str
    rule: Rule
    build: Callable[[], nn.Module]
    inputs: Callable[[Vectors, str], Fields]
    outputs: Callable[[nn.Module, Vectors, str], Fields]
    tapped: Callable[[nn.Module, Vectors, str], object]
    dead: tuple[str, ...] = ()
    untapped: tuple[str, ...] = ()
