"""Tiny-LaDeDa under the parity suite."""

from __future__ import annotations

import math

from torch import nn

from detectors import gradients
from detectors.gradients import GRADIENTS
from detectors.tiny_ladeda import TinyLaDeDaNetwork
from tests.reference.cases.base import Case, Fields
from tests.reference.vectors import Rule, Vectors, subsample


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


CASES = (
    Case(
        name="tiny_ladeda",
        rule=Rule(gain=math.sqrt(2)),
        build=TinyLaDeDaNetwork,
        inputs=_tiny_inputs,
        outputs=_tiny_outputs,
        tapped=lambda network, vectors, device: network(vectors.randn(2, 3, 256, 256).to(device)),
    ),
)
