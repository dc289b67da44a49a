"""SAFE under the parity suite."""

from __future__ import annotations

import math

from torch import Tensor

from detectors.safe import SAFENetwork, diagonal_band
from tests.reference.cases.base import Case, Fields
from tests.reference.vectors import Rule, Vectors, statistics, subsample


def _square(vectors: Vectors, device: str) -> Tensor:
    return vectors.rand(2, 3, 256, 256, seed="input_seed_uniform").to(device)


def _odd(vectors: Vectors, device: str) -> Tensor:
    return vectors.rand(1, 3, 250, 333, seed="input2_seed_uniform_1x3x250x333").to(device)


def _inputs(vectors: Vectors, device: str) -> Fields:
    network = SAFENetwork()
    square, odd = (network.high_pass(x) for x in (_square(vectors, device), _odd(vectors, device)))
    return {
        "dwt_hh_sub": subsample(diagonal_band(_square(vectors, device)), 4096),
        "pre_sub": subsample(square, 4096),
        "pre_stats": statistics(square),
        "pre2_sub": subsample(odd, 2048),
        "pre2_stats": statistics(odd),
    }


CASES = (
    Case(
        name="safe",
        rule=Rule(gain=math.sqrt(2)),
        build=SAFENetwork,
        inputs=_inputs,
        outputs=lambda network, vectors, device: {
            "logits": network(_square(vectors, device)),
            "logits_250x333": network(_odd(vectors, device)),
        },
        tapped=lambda network, vectors, device: network(_square(vectors, device)),
    ),
)
