"""Community Forensics, both sizes, under the parity suite."""

from __future__ import annotations

from functools import partial

from torch import nn

from detectors.community_forensics import CommunityForensicsNetwork
from tests.reference.cases.base import Case, Fields
from tests.reference.vectors import Rule, Vectors


def _outputs(network: nn.Module, vectors: Vectors, device: str, *, side: int) -> Fields:
    return {"logits": network(vectors.randn(2, 3, side, side).to(device))}


def _case(name: str, side: int) -> Case:
    return Case(
        name=name,
        rule=Rule(tokens=True),
        build=partial(CommunityForensicsNetwork, side),
        outputs=partial(_outputs, side=side),
        folder="community_forensics",
        keys=f"keys_{side}.json",
        io=f"io_{side}.npz",
    )


CASES = (_case("community_forensics", 384), _case("community_forensics_224", 224))
