"""The models under the parity suite; a model joins by one more `Case` in `CASES`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from detectors import gradients
from detectors.gradients import GRADIENTS
from detectors.tiny_ladeda import TinyLaDeDaNetwork
from tests.reference.vectors import Vectors, subsample

Fields = Mapping[str, Tensor]


@dataclass(frozen=True)
class Case:
    """How one model is built and run.

    ``outputs`` computes stored fields that depend on the weights, ``inputs`` those that do not, ``tapped`` is
    the run during which sub-modules are compared with the stored taps. ``gain`` is the weight rule's.
    """

    name: str
    gain: float
    build: Callable[[], nn.Module]
    inputs: Callable[[Vectors, str], Fields]
    outputs: Callable[[nn.Module, Vectors, str], Fields]
    tapped: Callable[[nn.Module, Vectors, str], object]


def _tiny_inputs(vectors: Vectors, device: str) -> Fields:
    x = vectors.randn(2, 3, 256, 256).to(device)
    return {f"pre_sub_{kind}": subsample(gradients.apply(x, kind), 1024) for kind in GRADIENTS}


def _tiny_outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    assert isinstance(network, TinyLaDeDaNetwork)
    x = vectors.randn(2, 3, 256, 256).to(device)
    fields = {"patch_map_right_diag": network.patch_map(x)}
    for network.gradient in GRADIENTS:
        fields[f"logit_{network.gradient}"] = network(x)
    return fields


CASES = [
    Case(
        name="tiny_ladeda",
        gain=math.sqrt(2),
        build=TinyLaDeDaNetwork,
        inputs=_tiny_inputs,
        outputs=_tiny_outputs,
        tapped=lambda network, vectors, device: network(vectors.randn(2, 3, 256, 256).to(device)),
    ),
]
