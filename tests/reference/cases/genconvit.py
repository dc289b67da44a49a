"""GenConViT's two networks under the parity suite."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from detectors.genconvit import GenConViTEdNetwork, GenConViTVaeNetwork
from detectors.genconvit.vae import LATENT
from tests.reference.cases.base import Case, Fields, dead_tensors
from tests.reference.vectors import Rule, Vectors, statistics, subsample

CONST = torch.full((1, 3, 224, 224), 0.25)


def _x(vectors: Vectors, device: str) -> Tensor:
    return vectors.randn(2, 3, 224, 224).to(device)


def _noise(vectors: Vectors, device: str) -> Tensor:
    return vectors.randn(2, LATENT, seed="torch_seed_before_forward").to(device)


def _input_head(vectors: Vectors, device: str) -> Fields:
    return {"input_head": _x(vectors, device).flatten()[:16]}


def _ed_outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    return {"logits": network(_x(vectors, device)), "const025_logits": network(CONST.to(device))}


def _vae_outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    assert isinstance(network, GenConViTVaeNetwork)
    x, noise = _x(vectors, device), _noise(vectors, device)
    const_noise = vectors.randn(1, LATENT, seed="const025_seed").to(device)
    # The published network also returns its reconstruction at full size, for the training loss.
    resized = F.interpolate(
        network.reconstruct(x, noise).float(), (224, 224), mode="bilinear", antialias=True
    )
    return {
        "logits": network(x, noise),
        "logits_eps0": network(x),
        "const025_logits": network(CONST.to(device), const_noise),
        "x_hat_resized_sub": subsample(resized, 4096),
        "x_hat_resized_stats": statistics(resized),
    }


CASES = (
    Case(
        name="genconvit_ed",
        rule=Rule(gain=math.sqrt(2)),
        build=GenConViTEdNetwork,
        inputs=_input_head,
        outputs=_ed_outputs,
        tapped=lambda network, vectors, device: network(_x(vectors, device)),
        dead=dead_tensors("genconvit_ed"),
    ),
    Case(
        name="genconvit_vae",
        rule=Rule(gain=math.sqrt(2)),
        build=GenConViTVaeNetwork,
        inputs=lambda vectors, device: {**_input_head(vectors, device), "eps": _noise(vectors, device)},
        outputs=_vae_outputs,
        tapped=lambda network, vectors, device: network(_x(vectors, device), _noise(vectors, device)),
        dead=dead_tensors("genconvit_vae"),
        untapped=("encoder.var", "encoder.mu#1", "encoder.mu#2"),
    ),
)
