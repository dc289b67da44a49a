"""NPR under the parity suite."""

from __future__ import annotations

from torch import nn

from detectors import gradients
from detectors.npr import NPRNetwork
from tests.reference.cases.base import Case, Fields
from tests.reference.vectors import Rule, Vectors, subsample


def _inputs(vectors: Vectors, device: str) -> Fields:
    x = vectors.randn(2, 3, 256, 256).to(device)
    return {"npr_sub": subsample(gradients.apply(x, "NPR"), 4096)}


def _outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    wide = vectors.randn(1, 3, 224, 320, seed="input2_seed_1x3x224x320").to(device)
    return {"logits": network(vectors.randn(2, 3, 256, 256).to(device)), "logits2": network(wide)}


CASES = (
    Case(
        name="npr",
        rule=Rule(),
        build=NPRNetwork,
        inputs=_inputs,
        outputs=_outputs,
        tapped=lambda network, vectors, device: network(vectors.randn(2, 3, 256, 256).to(device)),
    ),
)
