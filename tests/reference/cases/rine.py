"""RINE, on a synthetic head, under the parity suite; the published tower has OpenAI's names."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from detectors import clip_vit
from detectors.rine import RINENetwork
from tests.reference.cases.base import Case, Fields
from tests.reference.vectors import Rule, Vectors, statistics, subsample


def _build() -> nn.Module:
    with torch.device("meta"):
        return RINENetwork()


def _outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    assert isinstance(network, RINENetwork)
    tokens = network.vision_model.class_tokens(vectors.randn(2, 3, 224, 224).to(device))
    features = network.features(tokens)
    return {
        "cls_tokens_ln2_sub": subsample(tokens, 4096),
        "cls_tokens_ln2_stats": statistics(tokens),
        "z": features,
        "logits": network.head(features),
    }


def _adapt(state: Fields) -> Fields:
    head = {name: tensor for name, tensor in state.items() if not name.startswith("clip.")}
    return {**clip_vit.vision_state(state), **head}


def _layout(name: str, output: Tensor) -> Tensor:
    """Inside its transformer the published network has the tokens first."""
    return output.transpose(0, 1) if ".transformer." in name else output


CASES = (
    Case(
        name="rine",
        rule=Rule(tokens=True),
        build=_build,
        inputs=lambda vectors, device: {},
        outputs=_outputs,
        tapped=lambda network, vectors, device: network(vectors.randn(2, 3, 224, 224).to(device)),
        dead=("clip.visual.proj", "clip.visual.ln_post.", "clip.visual.transformer.resblocks.23.mlp."),
        adapt=_adapt,
        tap=lambda name: clip_vit.rename(name.removeprefix("clip.")),
        layout=_layout,
    ),
)
