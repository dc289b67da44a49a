"""What every detector of single frames owes, on the small ones: weights are random, files are real."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import detectors
from detectors import weights
from detectors.base import Detector, View
from detectors.errors import LicenceNotAccepted, NotApplicable, WeightsMismatch, WeightsMissing
from detectors.frame_detector import FrameDetector
from detectors.ladeda import LaDeDa
from detectors.npr import NPR
from detectors.safe import SAFE

SMALL: dict[str, type[FrameDetector]] = {"ladeda": LaDeDa, "npr": NPR, "safe": SAFE}


@pytest.fixture(scope="module", params=SMALL)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with a network of random weights, its licence accepted."""
    torch.manual_seed(5)
    folder = tmp_path_factory.mktemp("weights")
    record = detectors.record(name)
    save_file(SMALL[name].build().state_dict(), folder / record.file.name)
    weights.accept_licence(record, folder)
    return folder


@pytest.fixture(scope="module")
def detector(name: str, folder: Path) -> Iterator[Detector]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield detectors.create(name, weights_dir=folder)
    torch.set_num_threads(threads)


def noise(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def test_the_record_fits_the_network(name: str, detector: Detector) -> None:
    assert detector.record.parameters == sum(p.numel() for p in SMALL[name].build().parameters())
    assert detector.view is View.FRAMES
    assert detector.record.limits


def test_missing_and_unlicensed_weights_are_named(name: str, tmp_path: Path) -> None:
    record = detectors.record(name)
    if record.licence.needs_acceptance:
        with pytest.raises(LicenceNotAccepted, match=f"accept-licence {name}"):
            detectors.create(name, weights_dir=tmp_path)
        weights.accept_licence(record, tmp_path)
    with pytest.raises(WeightsMissing, match=f"weights fetch {name}"):
        detectors.create(name, weights_dir=tmp_path)
    save_file({"conv1.weight": torch.zeros(1)}, tmp_path / record.file.name)
    with pytest.raises(WeightsMismatch, match=r"missing: bn1\.bias"):
        detectors.create(name, weights_dir=tmp_path)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((1, 63, 500, 3), r"too small to judge \(500 x 63 pixels; at least 64 each way\)"),
        ((1, 1, 1, 3), "too small"),
        ((0, 256, 256, 3), "no frame"),
    ],
)
def test_what_cannot_be_judged_says_why(detector: Detector, shape: tuple[int, ...], reason: str) -> None:
    with pytest.raises(NotApplicable, match=reason):
        detector.detect(torch.zeros(shape, dtype=torch.uint8))


@pytest.mark.parametrize(
    "frames",
    [
        torch.zeros(1, 64, 64, 3, dtype=torch.uint8),
        torch.full((1, 301, 257, 3), 255, dtype=torch.uint8),
        noise(2, 71, 1003, 1).expand(-1, -1, -1, 3),
    ],
    ids=["black", "white", "gray, odd, wide"],
)
def test_scores_are_probabilities_and_repeat(detector: Detector, frames: Tensor) -> None:
    first, second = detector.detect(frames), detector.detect(frames)
    assert first == second
    assert math.isfinite(first.score)
    assert 0.0 <= first.score <= 1.0


def test_a_video_is_the_mean_of_its_frames_logits(detector: Detector) -> None:
    frames = noise(2, 256, 256, 3)
    frames[1] //= 4
    batch = detector.preprocess(frames)
    assert batch.shape == (2, 3, 256, 256)
    assert batch.dtype == torch.float32
    logits = detector.forward(batch)
    assert logits.shape == (2,)
    alone = torch.cat([detector.forward(detector.preprocess(frame[None])) for frame in frames])
    assert torch.allclose(logits, alone, atol=1e-4)
    output = detector.detect(frames)
    assert output.score == pytest.approx(torch.sigmoid(logits.mean()).item(), abs=1e-6)
    assert output.evidence["frame_scores"] == pytest.approx(torch.sigmoid(logits).tolist(), abs=1e-4)
    assert "frame_scores" not in detector.detect(frames[:1]).evidence


def test_certain_logits_do_not_overflow(detector: Detector) -> None:
    assert detector.reduce(torch.tensor([1e4])).score == 1.0
    assert detector.reduce(torch.tensor([-1e4, -1e4])).score == 0.0
