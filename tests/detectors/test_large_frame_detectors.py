"""What the large detectors of single frames owe, on small networks: weights are random, files are real."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import detectors
from detectors import weights
from detectors.base import View
from detectors.errors import LicenceNotAccepted, NotApplicable, WeightsMismatch, WeightsMissing
from detectors.frame_detector import FrameDetector
from tests.detectors.large import SMALL, fill_folder, noise

LARGE = {
    "community_forensics": "community_forensics:CommunityForensics",
    "community_forensics_224": "community_forensics:CommunityForensics224",
    "dda": "dda:DDA",
    "deepfakedefenders": "deepfakedefenders:DeepFakeDefenders",
    "omniaid": "omniaid:OmniAID",
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=SMALL)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    fill_folder(name, folder)
    return folder


@pytest.fixture(scope="module")
def detector(name: str, folder: Path) -> FrameDetector:
    return SMALL[name].load(detectors.record(name), weights_dir=folder)


@pytest.mark.parametrize("large", LARGE)
def test_the_record_fits_the_network(large: str) -> None:
    module, attribute = LARGE[large].split(":")
    detector: type[FrameDetector] = getattr(importlib.import_module(f"detectors.{module}"), attribute)
    with torch.device("meta"):
        network = detector.build()
    record = detectors.record(large)
    assert detector.view is View.FRAMES
    assert record.parameters == sum(p.numel() for p in network.parameters())
    assert record.limits


def test_missing_and_unlicensed_weights_are_named(name: str, folder: Path, tmp_path: Path) -> None:
    record = detectors.record(name)
    if record.licence.needs_acceptance:
        with pytest.raises(LicenceNotAccepted, match=f"accept-licence {name}"):
            detectors.create(name, weights_dir=tmp_path)
        weights.accept_licence(record, tmp_path)
    with pytest.raises(WeightsMissing, match=f"weights fetch {name}"):
        detectors.create(name, weights_dir=tmp_path)
    for part in record.parts.values():
        (tmp_path / part.name).symlink_to(folder / part.name)
    state = load_file(folder / record.file.name)
    lost = min(
        name for name in state if name.endswith(("lora_A", "vit.norm.bias", "running_var", "ln_pre.bias"))
    )
    del state[lost]
    save_file(state, tmp_path / record.file.name)
    with pytest.raises(WeightsMismatch, match=rf"{name}.*missing: \S*{lost.split('.')[-2]}"):
        SMALL[name].load(record, weights_dir=tmp_path)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((1, 63, 500, 3), r"too small to judge \(500 x 63 pixels; at least 64 each way\)"),
        ((1, 1, 1, 3), "too small"),
        ((0, 256, 256, 3), "no frame"),
    ],
)
def test_what_cannot_be_judged_says_why(detector: FrameDetector, shape: tuple[int, ...], reason: str) -> None:
    with pytest.raises(NotApplicable, match=reason):
        detector.detect(torch.zeros(shape, dtype=torch.uint8))


@pytest.mark.parametrize(
    "frames",
    [
        torch.zeros(1, 64, 64, 3, dtype=torch.uint8),
        torch.full((1, 301, 257, 3), 255, dtype=torch.uint8),
        noise(1, 71, 1003, 1).expand(-1, -1, -1, 3),
    ],
    ids=["black", "white", "gray, odd, wide"],
)
def test_scores_are_probabilities_and_repeat(detector: FrameDetector, frames: Tensor) -> None:
    first, second = detector.detect(frames), detector.detect(frames)
    assert first == second
    assert math.isfinite(first.score)
    assert 0.0 <= first.score <= 1.0


def test_a_video_is_the_mean_of_its_frames_logits(detector: FrameDetector) -> None:
    frames = noise(2, 256, 256, 3)
    frames[1] //= 4
    logits = detector.forward(detector.preprocess(frames))
    assert logits.shape == (2,)
    alone = torch.cat([detector.forward(detector.preprocess(frame[None])) for frame in frames])
    assert torch.allclose(logits, alone, atol=1e-4)
    output = detector.detect(frames)
    assert output.score == pytest.approx(torch.sigmoid(logits.double().mean()).item(), abs=1e-6)
    assert len(output.evidence["frame_scores"]) == 2


def test_pictures_change_the_logit(detector: FrameDetector) -> None:
    frames = torch.cat([noise(1, 256, 256, 3), torch.zeros(1, 256, 256, 3, dtype=torch.uint8)])
    first, second = detector.forward(detector.preprocess(frames)).tolist()
    assert abs(first - second) > 1e-3
