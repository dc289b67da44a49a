from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

import detectors
from detectors import weights
from detectors.base import Detector, Modality, View
from detectors.errors import NotApplicable
from detectors.tiny_ladeda import TinyLaDeDa, TinyLaDeDaNetwork


@pytest.fixture(scope="module")
def detector() -> Iterator[Detector]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield detectors.create("tiny_ladeda")
    torch.set_num_threads(threads)


def noise(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def test_the_record_describes_the_bundled_weights(detector: Detector) -> None:
    record = detector.record
    path = weights.find(record)
    assert path.stat().st_size < 50_000
    assert record.parameters == sum(p.numel() for p in TinyLaDeDaNetwork().parameters()) == 1297
    assert detector.view is View.FRAMES
    assert record.modalities == (Modality.IMAGE, Modality.VIDEO)
    assert record.measured
    assert record.limits
    assert all(m.low <= m.value <= m.high for m in record.measured)


def test_a_still_picture_is_cropped_and_normalised_to_the_pixel(detector: Detector) -> None:
    frames = noise(1, 901, 1203, 3)
    batch = detector.preprocess(frames)
    assert batch.shape == (1, 3, 768, 768)
    assert batch.dtype == torch.float32
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    for channel in range(3):
        expected = (frames[0, 66 + 100, 217 + 300, channel].item() / 255 - mean[channel]) / std[channel]
        assert batch[0, channel, 100, 300].item() == pytest.approx(expected, abs=1e-6)


def test_frames_give_one_smaller_crop_each(detector: Detector) -> None:
    frames = noise(3, 300, 400, 3)
    batch = detector.preprocess(frames)
    assert batch.shape == (3, 3, 256, 256)
    assert torch.equal(batch[2], detector.preprocess(frames)[2])
    assert batch[2, 0, 0, 0].item() == pytest.approx(
        (frames[2, 22, 72, 0].item() / 255 - 0.485) / 0.229, abs=1e-6
    )


@pytest.mark.parametrize(
    ("height", "width", "expected"), [(64, 64, (64, 64)), (255, 1000, (254, 768)), (65, 301, (64, 300))]
)
def test_small_pictures_keep_their_size_but_for_an_odd_row(
    detector: Detector, height: int, width: int, expected: tuple[int, int]
) -> None:
    assert detector.preprocess(noise(1, height, width, 3)).shape[2:] == expected


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((1, 63, 500, 3), r"too small to judge \(500 x 63 pixels; at least 64 each way\)"),
        ((5, 500, 1, 3), "too small"),
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
        torch.full((1, 300, 300, 3), 255, dtype=torch.uint8),
        noise(1, 300, 300, 1).expand(-1, -1, -1, 3),
        noise(4, 70, 90, 3),
    ],
    ids=["black", "white", "gray", "small clip"],
)
def test_scores_are_probabilities_and_repeat(detector: Detector, frames: Tensor) -> None:
    first, second = detector.detect(frames), detector.detect(frames)
    assert first == second
    assert math.isfinite(first.score)
    assert 0.0 <= first.score <= 1.0


def test_a_video_shows_its_frames_scores(detector: Detector) -> None:
    frames = noise(3, 256, 256, 3)
    output = detector.detect(frames)
    logits = detector.forward(detector.preprocess(frames))
    assert output.score == pytest.approx(torch.sigmoid(logits.mean()).item(), abs=1e-6)
    assert output.evidence["frame_scores"] == pytest.approx(torch.sigmoid(logits).tolist(), abs=1e-4)
    assert "frame_scores" not in detector.detect(frames[:1]).evidence


def test_batching_media_together_changes_nothing(detector: Detector) -> None:
    one, two = detector.preprocess(noise(1, 256, 256, 3)), detector.preprocess(noise(2, 256, 256, 3))
    together = detector.forward(torch.cat([one, two]))
    assert torch.allclose(together[:1], detector.forward(one), atol=1e-5)
    assert torch.allclose(together[1:], detector.forward(two), atol=1e-5)


def test_patch_logits_average_to_the_logit() -> None:
    torch.manual_seed(3)
    network = TinyLaDeDaNetwork("left_diag").eval()
    x = torch.randn(2, 3, 66, 130)
    patches = network.patch_map(x)
    assert patches.shape == (2, 1, 31, 63)
    assert torch.allclose(patches.mean(dim=(2, 3)), network(x), atol=1e-5)


def test_the_filter_comes_from_the_record(detector: Detector) -> None:
    assert isinstance(detector, TinyLaDeDa)
    assert detector._network.gradient == detector.record.preprocessing["gradient"]
