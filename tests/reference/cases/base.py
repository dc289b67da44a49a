"""What a model brings to the parity suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

import detectors
from detectors import weights
from tests.reference.vectors import Rule, Vectors

Fields = Mapping[str, Tensor]


def nothing(_vectors: Vectors, _device: str) -> Fields:
    """The inputs of a model whose preprocessing is held elsewhere."""
    return {}


def dead_tensors(record: str, part: str | None = None) -> tuple[str, ...]:
    """Beginnings of names of tensors that never reach the output, as the weights record has them."""
    return detectors.record(record).part(part).file.dead


@dataclass(frozen=True)
class Case:
    """How one model is built and run.

    ``outputs`` computes stored fields that depend on the weights, ``inputs`` those that do not. ``rule`` is
    the weight rule's. ``folder`` (default: the name), ``keys`` and ``io`` say where the vectors lie,
    ``scope`` what the names of the case's own fields begin with; ``sections`` are the lists of a keys file
    with several that make up the state dict. ``dead`` are beginnings of names of published tensors that never
    reach the output and that our network does not have. ``tolerances`` are those of single outputs; ``bf16``
    says whether it may run in mixed precision.

    Sub-modules are compared with the stored taps during ``tapped``, or during ``outputs`` where that is None.
    ``untapped`` are beginnings of names of stored taps of what our network does not compute, or not again, or
    of another case's.

    Where our names differ from the published ones, ``adapt`` is the mapping of tensors at loading, ``tap``
    that of a sub-module's name, and ``layout`` brings one's output into the published order of dimensions.
    """

    name: str
    rule: Rule
    build: Callable[[], nn.Module]
    outputs: Callable[[nn.Module, Vectors, str], Fields]
    inputs: Callable[[Vectors, str], Fields] = nothing
    folder: str = ""
    keys: str = "keys.json"
    io: str = "io.npz"
    scope: str = ""
    sections: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    tolerances: Mapping[str, float] = field(default_factory=dict)
    bf16: bool = True
    tapped: Callable[[nn.Module, Vectors, str], object] | None = None
    untapped: tuple[str, ...] = ()
    adapt: Callable[[Fields], Fields] | None = None
    tap: Callable[[str], str] = str
    layout: Callable[[str, Tensor], Tensor] = lambda _name, output: output

    def empty(self) -> nn.Module:
        """The network without memory of its own."""
        with torch.device("meta"):
            return self.build()

    def filled(self, vectors: Vectors) -> nn.Module:
        """The network with the weight rule's tensors, in evaluation mode on the CPU."""
        network = self.empty()
        state: Fields = vectors.weights(self.rule, self.dead)
        weights.fill(network, self.adapt(state) if self.adapt else state, self.name)
        return network.eval()
