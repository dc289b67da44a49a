"""OmniAID, the second CLIP version, under the parity suite."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from detectors.omniaid import OmniAIDConfig, OmniAIDNetwork
from tests.reference.cases.base import Case, Fields, dead_tensors
from tests.reference.vectors import Rule, Vectors, subsample


def _outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    assert isinstance(network, OmniAIDNetwork)
    x = vectors.randn(1, 3, 336, 336).to(device)
    feature = network.feature_extractor(x)
    gating_logits = network.gating_network(feature)
    routing = network.route(gating_logits)
    logits = network.classify(x, routing)
    assert routing.experts[:, -1].tolist() == [5]
    assert routing.gates[:, -1].tolist() == [1.0]
    return {
        "routing_sub": subsample(feature, 1024),
        "gating_logits": gating_logits,
        "top_k_indices": routing.experts[:, :-1],
        "top_k_gates": routing.gates[:, :-1],
        "logits": logits,
        "prob_fake": torch.softmax(logits, dim=-1)[:, 1],
    }


CASES = (
    Case(
        name="omniaid",
        rule=Rule(tokens=True),
        build=partial(OmniAIDNetwork, OmniAIDConfig()),
        outputs=_outputs,
        dead=dead_tensors("omniaid"),
    ),
)
