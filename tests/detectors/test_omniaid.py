from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import detectors
from detectors import weights
from detectors.omniaid import ExpertLinear, OmniAIDNetwork, Routing
from tests.detectors.frame_detectors import SmallOmniAID, noise


@torch.no_grad()
def test_each_picture_gets_its_own_experts() -> None:
    torch.manual_seed(2)
    layer = ExpertLinear(width=6, experts=4, rank=2)
    for parameter in layer.parameters():
        parameter.normal_()
    x = torch.randn(2, 5, 6)
    routing = Routing(torch.tensor([[2, 0, 3], [1, 2, 3]]), torch.tensor([[0.7, 0.3, 1.0], [0.6, 0.4, 1.0]]))
    for picture, tokens in enumerate(x):
        weight = layer.weight_main.clone()
        for expert, gate in zip(routing.experts[picture], routing.gates[picture], strict=True):
            up, scale, down = (
                part[int(expert)] for part in (layer.U_experts, layer.S_experts, layer.V_experts)
            )
            weight += gate * up @ torch.diag(scale) @ down
        expected = torch.nn.functional.linear(tokens, weight, layer.bias)
        assert torch.allclose(layer(x, routing)[picture], expected, atol=1e-5)


def test_two_experts_are_chosen_and_the_last_is_always_on() -> None:
    network = OmniAIDNetwork(SmallOmniAID.config)
    routing = network.route(torch.tensor([[0.0, 3.0, 1.0, 2.0, -1.0], [5.0, 0.0, 0.0, 0.0, 5.0]]))
    assert routing.experts[0].tolist() == [1, 3, 5]
    assert set(routing.experts[1].tolist()) == {0, 4, 5}
    assert routing.gates[0].tolist() == pytest.approx([0.7311, 0.2689, 1.0], abs=1e-4)
    assert routing.gates[1].tolist() == [0.5, 0.5, 1.0]


def test_rank_and_routers_width_come_from_the_file(tmp_path: Path) -> None:
    record = detectors.record("omniaid")
    other = OmniAIDNetwork(replace(SmallOmniAID.config, rank=3, hidden=5))
    save_file(other.state_dict(), tmp_path / record.file.name)
    weights.accept_licence(record, tmp_path)
    output = SmallOmniAID.load(record, weights_dir=tmp_path).detect(noise(1, 80, 80, 3))
    assert 0.0 < output.score < 1.0


def test_the_score_is_the_softmax_of_fake() -> None:
    detector = SmallOmniAID(OmniAIDNetwork(SmallOmniAID.config), detectors.record("omniaid"))
    logits = torch.tensor([[0.3, 1.9], [200.0, -200.0]])
    probabilities = torch.sigmoid(detector.logit(logits))
    assert torch.allclose(probabilities, logits.softmax(dim=1)[:, 1])
