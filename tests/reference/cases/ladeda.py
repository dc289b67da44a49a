"""LaDeDa-9 under the parity suite."""

from __future__ import annotations

from torch import nn

from detectors import gradients
from detectors.gradients import GRADIENTS
from detectors.ladeda import LaDeDaNetwork
from tests.reference.cases.base import Case, Fields
from tests.reference.vectors import Rule, Vectors, subsample


def _inputs(vectors: Vectors, device: str) -> Fields:
    x = vectors.randn(2, 3, 256, 256).to(device)
    return {f"pre_sub_{kind}": subsample(gradients.apply(x, kind), 1024) for kind in GRADIENTS}


def _outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    assert isinstance(network, LaDeDaNetwork)
    x = vectors.randn(2, 3, 256, 256).to(device)
    small = vectors.randn(1, 3, 224, 224, seed="input2_seed_1x3x224x224").to(device)
    fields = {"patch_map": network.patch_map(x), "logits_224": network(small)}
    for network.gradient in GRADIENTS:
        fields[f"logit_{network.gradient}"] = network(x)
    return {**fields, "logits": fields["logit_NPR"]}


CASES = (
    Case(
        name="ladeda",
        rule=Rule(),
        build=LaDeDaNetwork,
        inputs=_inputs,
        outputs=_outputs,
        tapped=lambda network, vectors, device: network(vectors.randn(2, 3, 256, 256).to(device)),
    ),
)
