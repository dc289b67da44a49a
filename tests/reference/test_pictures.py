"""From real pictures to published outputs; the pictures are other people's and stay in ../shared."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import detectors
from detectors import weights
from detectors.frame_detector import FrameDetector
from detectors.rine import RINE, RINENetwork
from detectors.safe import SAFE
from detectors.ufd import UFD, UFDNetwork
from detectors.ufd_v2 import UFDV2
from tests.reference.cases import CASES
from tests.reference.vectors import LOGIT_TOLERANCE, TAP_TOLERANCE, Vectors, statistics, subsample

BESIDE = Path(__file__).parents[2] / ".." / "shared"
SHARED = Path(os.environ.get("VERITAG_SHARED", BESIDE))
REFERENCE = SHARED / "reference"

pytestmark = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="needs ../shared (third-party pictures and weights)"
)


def frames_of(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image.convert("RGB")))[None]


def safe_pictures(_vectors: Vectors) -> list[Tensor]:
    whole = Image.open(REFERENCE / "community_forensics" / "images" / "img0.png")
    face = Image.open(REFERENCE / "gend" / "images" / "img0.png")
    return [frames_of(whole), frames_of(face.crop((0, 0, 201, 150)))]


def rine_pictures(_vectors: Vectors) -> list[Tensor]:
    folder = REFERENCE / "rine" / "images"
    return [frames_of(Image.open(folder / name)) for name in ("img0.jpg", "img1.png")]


def stored_pictures(vectors: Vectors) -> list[Tensor]:
    return [torch.from_numpy(vectors.stored[f"img{index}_rgb"])[None] for index in range(4)]


@dataclass(frozen=True)
class Published:
    """Where a model's pictures are, and how its logits are named."""

    detector: type[FrameDetector]
    pictures: Callable[[Vectors], list[Tensor]]
    logits: str


MODELS = {
    "safe": Published(SAFE, safe_pictures, "logits"),
    "ufd_v2": Published(UFDV2, stored_pictures, "logit"),
    "rine": Published(RINE, rine_pictures, "logit"),
}


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_pictures_give_the_published_pixels_and_logits(name: str) -> None:
    model = MODELS[name]
    case = next(case for case in CASES if case.name == name)
    vectors = Vectors.read(REFERENCE / name, sections=case.sections)
    network = case.build()
    state = vectors.weights(case.rule, case.dead)
    weights.fill(network, case.adapt(state) if case.adapt else state, name)
    detector = model.detector(network, detectors.record(name))
    pictures = model.pictures(vectors)
    for index, frames in enumerate(pictures):
        x = detector.preprocess(frames)
        expected = vectors.stored[f"img{index}_pixel_sub"]
        assert np.abs(subsample(x, expected.size).numpy() - expected).max() <= 1e-6
        assert np.allclose(
            statistics(x).numpy(), vectors.stored[f"img{index}_pixel_stats"], rtol=TAP_TOLERANCE, atol=1e-5
        )
        logits = network(x)
        vectors.compare(f"img{index}_{model.logits}", logits, tolerance=LOGIT_TOLERANCE)


def published_head(network: nn.Module, detector: type[UFD | RINE], path: Path) -> None:
    """Fill what of a network is not CLIP's from a published head's file."""
    state = detector.head_state(torch.load(path, map_location="cpu", weights_only=True))
    own = {name for name in network.state_dict() if not name.startswith(("vision_model.", "visual_proj"))}
    assert own == state.keys()
    network.load_state_dict(state, strict=False, assign=True)


@torch.no_grad()
def test_rines_published_head_gives_the_published_logits() -> None:
    vectors = Vectors.read(REFERENCE / "rine")
    with torch.device("meta"):
        network = RINENetwork().eval()
    published_head(network, RINE, REFERENCE / "rine" / "model_2class_trainable.pth")
    tokens = vectors.randn(3, 24, 1024, seed="tokens_seed_3x24x1024")
    features = network.features(tokens)
    vectors.compare("real_head_z_on_seeded_tokens", features, tolerance=LOGIT_TOLERANCE)
    vectors.compare("real_head_logits_on_seeded_tokens", network.head(features), tolerance=LOGIT_TOLERANCE)


@torch.no_grad()
def test_ufds_published_head_gives_the_published_logits() -> None:
    vectors = Vectors.read(REFERENCE / "ufd_v2", sections=("head",))
    with torch.device("meta"):
        network = UFDNetwork().eval()
    published_head(network, UFD, SHARED / "data" / "weights" / "UniversalFakeDetect_fc_weights.pth")
    embeddings = torch.from_numpy(vectors.stored["embeds"])
    vectors.compare("v1_real_head_logits_on_embeds", network.fc(embeddings), tolerance=LOGIT_TOLERANCE)
