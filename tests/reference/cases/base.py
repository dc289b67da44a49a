"""What a model brings to the parity suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tests.reference.vectors import Rule, Vectors

Fields = Mapping[str, Tensor]


@dataclass(frozen=True)
class Case:
    """How one model is built and run.

    ``outputs`` computes stored fields that depend on the weights, ``inputs`` those that do not, ``tapped`` is
    the run during which sub-modules are compared with the stored taps. ``rule`` is the weight rule's;
    ``dead`` are beginnings of names of published tensors that never reach the output and that our network
    does not have. ``sections`` are the lists of a ``keys.json`` with several that make up the state dict.

    ``tapped=None``: the taps are those of the run that makes ``outputs`` (large networks run once).
    ``untapped`` are stored taps of what our network does not compute. ``folder`` (default: the name),
    ``keys`` and ``io`` say where the vectors lie; ``scope`` is what the names of the case's own fields begin
    with.

    Where our names differ from the published ones, ``adapt`` is the mapping of tensors at loading, ``tap``
    that of a sub-module's name, and ``layout`` brings one's output into the published order of dimensions.
    """

    name: str
    rule: Rule
    build: Callable[[], nn.Module]
    inputs: Callable[[Vectors, str], Fields]
    outputs: Callable[[nn.Module, Vectors, str], Fields]
    tapped: Callable[[nn.Module, Vectors, str], object] | None
    dead: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    adapt: Callable[[Fields], Fields] | None = None
    tap: Callable[[str], str] = str
    layout: Callable[[str, Tensor], Tensor] = lambda _name, output: output
    untapped: tuple[str, ...] = ()
    folder: str = ""
    keys: str = "keys.json"
    io: str = "io.npz"
    scope: str = ""


def on_meta(build: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """Build a large network without memory of its own; it takes the drawn weights over."""

    def built() -> nn.Module:
        with torch.device("meta"):
            return build()

    return built
