"""The published Tiny-LaDeDa weights, loaded unchanged, give the published outputs (pictures: ../shared)."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from detectors import pixels, weights
from detectors.gradients import GRADIENTS, Gradient
from detectors.tiny_ladeda import TinyLaDeDaNetwork
from tests.reference.vectors import LOGIT_TOLERANCE, TAP_TOLERANCE, statistics, subsample

BESIDE = Path(__file__).parents[2] / ".." / "shared"
SHARED = Path(os.environ.get("VERITAG_SHARED", BESIDE))
STORED = SHARED / "reference" / "tiny_ladeda" / "real_weights_io.npz"

pytestmark = pytest.mark.skipif(
    not STORED.is_file(), reason="needs ../shared (third-party weights and faces)"
)


@pytest.fixture(scope="module")
def stored() -> Mapping[str, np.ndarray]:
    with np.load(STORED) as archive:
        return dict(archive)


def published_input(rgb: np.ndarray) -> torch.Tensor:
    """The published preprocessing (ours crops): squeeze into 256 x 256, normalise."""
    image = Image.fromarray(rgb).resize((256, 256), Image.Resampling.BILINEAR)
    return pixels.normalise(
        torch.from_numpy(np.array(image))[None], pixels.IMAGENET_MEAN, pixels.IMAGENET_STD
    )


def published_weights(name: str) -> Mapping[str, Any]:
    data = (SHARED / "data" / "weights" / f"{name}_Tiny_LaDeDa.pth").read_bytes()
    state: Mapping[str, Any] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return state


@pytest.mark.parametrize("index", range(6))
def test_normalisation_matches_the_published_one(stored: Mapping[str, np.ndarray], index: int) -> None:
    x = published_input(stored[f"img{index}_rgb"])
    assert np.allclose(subsample(x, 1024).numpy(), stored[f"img{index}_pre_sub"], atol=1e-6)
    assert np.allclose(statistics(x).numpy(), stored[f"img{index}_pre_stats"], atol=TAP_TOLERANCE)


@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize("name", ["WildRF", "ForenSynth"])
@torch.no_grad()
def test_published_weights_give_the_published_logits(
    stored: Mapping[str, np.ndarray], name: str, gradient: Gradient
) -> None:
    network = TinyLaDeDaNetwork(gradient)
    weights.fill(network, published_weights(name), name)
    network.eval()
    for index in range(6):
        logit = network(published_input(stored[f"img{index}_rgb"]))[0].numpy()
        expected = stored[f"img{index}_{name}_{gradient}_logit"]
        assert abs(logit - expected) <= LOGIT_TOLERANCE * max(1.0, abs(expected[0])), index
