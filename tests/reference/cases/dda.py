"""DDA under the parity suite; the published network computes its adapters apart, ours has them merged."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from detectors import weights
from detectors.dda import DDANetwork, DINOv2Config, merge, resize_positions
from tests.reference.cases.base import Case, Fields, dead_tensors
from tests.reference.vectors import Rule, Vectors, statistics, subsample

CONFIG = DINOv2Config()
RULE = Rule(tokens=True)
POSITIONS = "base_model.model.pos_embed"


def smaller(network: nn.Module, vectors: Vectors) -> nn.Module:
    """The same network for pictures of 224 x 224 pixels, sharing all tensors but the position table."""
    with torch.device("meta"):
        other = DDANetwork(DINOv2Config(side=224))
    table = resize_positions(vectors.draw(POSITIONS, RULE), 16).to(next(network.parameters()).device)
    weights.fill(other, {**network.state_dict(), "model.pos_embed": table}, "dda at 224")
    return other.eval()


def _outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    assert isinstance(network, DDANetwork)
    features = network.model(vectors.randn(1, 3, 336, 336).to(device))
    small = vectors.randn(1, 3, 224, 224, seed="input2_seed_1x3x224x224").to(device)
    positions = network.model.pos_embed
    return {
        "features": features,
        "logits": network.fc(features),
        "logits_224": smaller(network, vectors)(small),
        "pos_embed_336_sub": subsample(positions, 4096),
        "pos_embed_336_stats": statistics(positions),
    }


CASES = (
    Case(
        name="dda",
        rule=RULE,
        build=partial(DDANetwork, CONFIG),
        outputs=_outputs,
        dead=dead_tensors("dda"),
        adapt=lambda state: merge(state, CONFIG, "dda"),
        tap=lambda name: name.removeprefix("base_model."),
        untapped=("base_model.model.blocks.0.attn.qkv.lora",),
    ),
)
