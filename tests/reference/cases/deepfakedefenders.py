"""DeepFakeDefenders under the parity suite: the seven networks at once, and stage by stage.

With the weights of the first, early blocks of the EfficientNets hardly move the output; larger weights, under
which whole networks would overflow, hold these stages to the published ones on a smaller picture.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from detectors import weights
from detectors.deepfakedefenders import EXPERTS, DeepFakeDefendersNetwork, Expert, averaged
from tests.reference.cases.base import Case, Fields
from tests.reference.vectors import Rule, Vectors


def mean_probability(logits: Tensor) -> Tensor:
    return logits.softmax(dim=-1)[..., 1].mean(dim=1)


def with_averages(network: DeepFakeDefendersNetwork) -> nn.Module:
    """The same network whose moving averages are 0.9 times its parameters."""
    averages = {
        f"{number}.shadow_params.{position}": 0.9 * parameter
        for number, expert in enumerate(network)
        for position, parameter in enumerate(expert.parameters())
    }
    with torch.device("meta"):
        other = DeepFakeDefendersNetwork()
    weights.fill(other, {**network.state_dict(), **averaged(other, averages, "averages")}, "averages")
    return other.eval()


def _outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    assert isinstance(network, DeepFakeDefendersNetwork)
    x = vectors.randn(1, 3, 512, 512, seed="input_seed_1x3x512x512").to(device)
    fields, all_logits = {}, []
    for number, expert in enumerate(network):
        timm_network = expert.baseline_extractor
        features = timm_network.forward_features(x)
        logits = timm_network.forward_head(features)
        fields |= {
            f"expert{number}_feat": features.mean(dim=(2, 3))[:, :512],
            f"expert{number}_logits": logits,
        }
        all_logits.append(logits)
    fields["output"] = mean_probability(torch.stack(all_logits, dim=1))
    fields["output_ema_0.9x"] = mean_probability(with_averages(network)(x))
    return fields


def _stage_outputs(network: nn.Module, vectors: Vectors, device: str, *, number: int) -> Fields:
    x = vectors.randn(1, 3, 160, 160, seed="input_seed_1x3x160x160").to(device)
    return {f"expert{number}_logits": network.get_submodule(str(number))(x)}


def _build_expert(number: int) -> nn.Module:
    return nn.ModuleDict({str(number): Expert(EXPERTS[number])})


def _stages(number: int) -> Case:
    return Case(
        name=f"deepfakedefenders_{number}",
        rule=Rule(gain=1.3, plain=(".grn.",)),
        build=partial(_build_expert, number),
        outputs=partial(_stage_outputs, number=number),
        dead=tuple(f"{other}." for other in range(len(EXPERTS)) if other != number),
        tap=lambda name: f"{number}.baseline_extractor.{name}",
        folder="deepfakedefenders",
        io="stages_io.npz",
        scope=f"expert{number}/",
    )


CASES = (
    Case(
        name="deepfakedefenders",
        rule=Rule(plain=(".grn.",)),
        build=DeepFakeDefendersNetwork,
        outputs=_outputs,
    ),
    *(_stages(number) for number in (0, 2, 4, 6)),
)
