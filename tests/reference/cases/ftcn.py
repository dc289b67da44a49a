"""FTCN under the parity suite."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from detectors.ftcn import normalise
from detectors.ftcn_network import FTCNNetwork, fold_norms
from tests.reference.cases.base import Case, Fields
from tests.reference.vectors import Rule, Vectors, subsample


def moving_blobs(generator: torch.Generator) -> Tensor:
    """The stored low-frequency clip, used as if normalised."""
    grid = torch.randn(1, 3, 8, 7, 7, generator=generator)
    return nn.functional.interpolate(grid, size=(32, 224, 224), mode="trilinear")


def _clip(vectors: Vectors) -> Tensor:
    return moving_blobs(vectors.generator("input2_seed_lowfreq"))


def _noise(vectors: Vectors) -> Tensor:
    generator = vectors.generator("input1_seed_uint8_1x3x32x224x224")
    return torch.randint(0, 256, (1, 3, 32, 224, 224), generator=generator, dtype=torch.uint8)


def _outputs(network: nn.Module, vectors: Vectors, device: str) -> Fields:
    """The second clip's logit (and taps) from the public form, the first's from the folded one."""
    plain = network(_clip(vectors).to(device))
    fold_norms(network)
    return {"logit2": plain, "logit1": network(normalise(_noise(vectors).to(device)))}


CASES = (
    Case(
        name="ftcn",
        rule=Rule(),
        build=FTCNNetwork,
        inputs=lambda vectors, device: {"x2_sub": subsample(_clip(vectors).to(device), 4096)},
        outputs=_outputs,
    ),
)
