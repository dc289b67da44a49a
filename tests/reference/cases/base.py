"""What a model brings to the parity suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from tests.reference.vectors import Rule, Vectors

Fields = Mapping[str, Tensor]


@dataclass(frozen=True)
class Case:
    """How one model is built and run.

    ``outputs`` computes stored fields that depend on the weights, ``inputs`` those that do not, ``tapped`` is
    the run during which sub-modules are compared with the stored taps. ``rule`` is the weight rule's;
    ``dead`` are beginnings of names of published tensors that never reach the output and that our network
    does not have. ``tapped=None``: the taps are those of the run that makes ``outputs`` (large networks run
    once). ``meta``: the network is built without memory of its own and takes the drawn weights over.
    ``folder`` (default: the name), ``keys`` and ``io`` say where the vectors lie. ``taps=False``: the stored
    taps are another case's. ``tolerances`` are those of single outputs.
    """

    name: str
    rule: Rule
    build: Callable[[], nn.Module]
    inputs: Callable[[Vectors, str], Fields]
    outputs: Callable[[nn.Module, Vectors, str], Fields]
    tapped: Callable[[nn.Module, Vectors, str], object] | None
    dead: tuple[str, ...] = ()
    meta: bool = False
    folder: str = ""
    keys: str = "keys.json"
    io: str = "io.npz"
    taps: bool = True
    tolerances: Mapping[str, float] = field(default_factory=dict)
