"""GenD on its three backbones under the parity suite."""

from __future__ import annotations

from torch import Tensor, nn

from detectors.gend import GenDCLIPNetwork, GenDDINOv3Network, GenDNetwork, GenDPENetwork
from tests.reference.cases.base import Case, Fields, dead_tensors
from tests.reference.vectors import Rule, Vectors


def _x(vectors: Vectors, device: str) -> Tensor:
    return vectors.randn(2, 3, 224, 224).to(device)


def _outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    assert isinstance(network, GenDNetwork)
    features = network.feature_extractor(_x(vectors, device))
    fields = {"features": features}
    for head, on_sphere in (("logits_LinearNorm", True), ("logits_linear_head", False)):
        network.on_sphere = on_sphere
        if head in vectors.stored:
            fields[head] = network.head(features)
    return fields


def _case(name: str, network: type[GenDNetwork]) -> Case:
    return Case(
        name=name,
        rule=Rule(tokens=True),
        build=network,
        outputs=_outputs,
        tapped=lambda network, vectors, device: network(_x(vectors, device)),
        dead=dead_tensors(name),
    )


CASES = (
    _case("gend", GenDCLIPNetwork),
    _case("gend_pe", GenDPENetwork),
    _case("gend_dinov3", GenDDINOv3Network),
)
