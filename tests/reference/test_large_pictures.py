"""From real pictures to published pixels and logits, large networks; the pictures stay in ../shared."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import detectors
from detectors import weights
from detectors.community_forensics import CommunityForensics, CommunityForensics224
from detectors.dda import DDA
from detectors.frame_detector import FrameDetector
from detectors.omniaid import OmniAID
from tests.reference.cases import CASES
from tests.reference.vectors import LOGIT_TOLERANCE, TAP_TOLERANCE, Vectors, statistics, subsample

BESIDE = Path(__file__).parents[2] / ".." / "shared"
REFERENCE = Path(os.environ.get("VERITAG_SHARED", BESIDE)) / "reference"

pytestmark = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="needs ../shared (third-party pictures, one of a face)"
)


def generated() -> Mapping[str, Image.Image]:
    """Three generated pictures, and an oblong crop of each."""
    pictures = {}
    for name in ("img0", "img2", "img4"):
        image = Image.open(REFERENCE / "community_forensics" / "images" / f"{name}.png")
        pictures[name] = image
        pictures[f"{name}_crop"] = image.crop((0, 0, image.width * 3 // 4, image.height // 2))
    return pictures


def face() -> Image.Image:
    """A face that goes beyond its picture: what is outside is black."""
    return Image.open(REFERENCE / "gend" / "images" / "img0.png").crop((0, 0, 300, 200))


@dataclass(frozen=True)
class Published:
    """Where a model's pictures are, and how its pixels and logits are named."""

    detector: type[FrameDetector]
    pictures: Callable[[], Mapping[str, Image.Image]]
    pixels: str
    logits: str


MODELS = {
    "community_forensics": Published(CommunityForensics, generated, "pre", "logit"),
    "community_forensics_224": Published(CommunityForensics224, generated, "pre", "logit"),
    "dda": Published(DDA, lambda: {"img0": generated()["img0"], "img1": face()}, "pixel", "logit"),
    "omniaid": Published(OmniAID, lambda: {"img0": face()}, "pixel", "logits"),
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pixels_of(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image.convert("RGB")))[None]


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_pictures_give_the_published_pixels_and_logits(name: str) -> None:
    model = MODELS[name]
    case = next(case for case in CASES if case.name == name)
    vectors = Vectors.read(REFERENCE / (case.folder or name), keys=case.keys, io=case.io)
    network = case.build()
    state = vectors.weights(case.rule, case.dead)
    weights.fill(network, case.adapt(state) if case.adapt else state, name)
    detector = model.detector(network, detectors.record(name))
    for picture, image in model.pictures().items():
        x = detector.preprocess(pixels_of(image))
        expected = vectors.stored[f"{picture}_{model.pixels}_sub"]
        assert np.abs(subsample(x, expected.size).numpy() - expected).max() <= 1e-6, picture
        stored = vectors.stored[f"{picture}_{model.pixels}_stats"]
        assert np.allclose(statistics(x).numpy(), stored, rtol=TAP_TOLERANCE, atol=1e-5), picture
        vectors.compare(f"{picture}_{model.logits}", network(x), tolerance=LOGIT_TOLERANCE)
