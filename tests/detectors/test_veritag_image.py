from __future__ import annotations

import json
import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

import detectors
from detectors import lite_features, weights
from detectors.base import Modality, View
from detectors.errors import NotApplicable
from detectors.veritag_image import COUNT, STILL_CROPS, VeritagImage, boxes


@pytest.fixture(scope="module")
def detector() -> Iterator[VeritagImage]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    made = detectors.create("veritag_image")
    assert isinstance(made, VeritagImage)
    yield made
    torch.set_num_threads(threads)


def noise(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def test_the_record_describes_the_bundled_weights(detector: VeritagImage) -> None:
    record = detector.record
    assert 12 * COUNT < weights.find(record).stat().st_size < 12 * COUNT + 1000  # three float32 a figure
    assert record.parts.keys() == lite_features.COUNTS.keys()
    assert detector.view is View.FRAMES
    assert record.modalities == (Modality.IMAGE, Modality.VIDEO)
    assert record.measured
    assert record.limits
    assert all(m.low <= m.value <= m.high for m in record.measured)


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (256, 256, [(0, 0)]),
        (300, 260, [(2, 22)]),
        (256, 1024, [(0, 0), (256, 0), (512, 0), (768, 0)]),
        (600, 900, [(22, 22), (322, 22), (622, 22), (22, 322), (322, 322), (622, 322)]),
    ],
)
def test_crops_are_spread_evenly(height: int, width: int, expected: list[tuple[int, int]]) -> None:
    assert [box[:2] for box in boxes(height, width, STILL_CROPS)] == expected


@pytest.mark.parametrize(
    ("height", "width"), [(256, 257), (383, 385), (768, 1024), (8000, 256), (5000, 7001)]
)
def test_crops_lie_inside_and_are_few(height: int, width: int) -> None:
    found = boxes(height, width, STILL_CROPS)
    assert 1 <= len(found) <= STILL_CROPS
    assert len(set(found)) == len(found)
    for x, y, w, h in found:
        assert (w, h) == (256, 256)
        assert 0 <= x <= width - w
        assert 0 <= y <= height - h


def test_each_crop_leaves_its_score_and_box(detector: VeritagImage) -> None:
    frames = noise(1, 520, 780, 3)
    output = detector.detect(frames)
    patches = output.evidence["patch_scores"]
    assert json.loads(json.dumps(patches)) == patches
    assert [tuple(patch[:4]) for patch in patches] == boxes(520, 780, STILL_CROPS)
    for x, y, w, h, score in patches:
        alone = detector.detect(frames[:, y : y + h, x : x + w])
        assert alone.score == pytest.approx(score, abs=2e-3)
    logits = [math.log(score / (1 - score)) for *_, score in patches if 0 < score < 1]
    if len(logits) == len(patches):
        mean = sum(logits) / len(logits)
        assert output.score == pytest.approx(1 / (1 + math.exp(-mean)), abs=2e-3)


def test_a_video_is_judged_by_the_centre_of_each_frame(detector: VeritagImage) -> None:
    output = detector.detect(noise(3, 300, 512, 3))
    assert [patch[:4] for patch in output.evidence["patch_scores"]] == [[128, 22, 256, 256]] * 3


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((1, 255, 500, 3), r"too small to judge \(500 x 255 pixels; at least 256 each way\)"),
        ((5, 500, 1, 3), "too small"),
        ((0, 256, 256, 3), "no frame"),
    ],
)
def test_what_cannot_be_judged_says_why(detector: VeritagImage, shape: tuple[int, ...], reason: str) -> None:
    with pytest.raises(NotApplicable, match=reason):
        detector.detect(torch.zeros(shape, dtype=torch.uint8))


@pytest.mark.parametrize(
    "frames",
    [
        torch.zeros(1, 256, 256, 3, dtype=torch.uint8),
        torch.full((1, 300, 300, 3), 255, dtype=torch.uint8),
        noise(1, 300, 300, 1).expand(-1, -1, -1, 3),
        noise(2, 256, 280, 3),
    ],
    ids=["black", "white", "gray", "small clip"],
)
def test_scores_are_probabilities_and_repeat(detector: VeritagImage, frames: Tensor) -> None:
    first, second = detector.detect(frames), detector.detect(frames)
    assert first == second
    assert math.isfinite(first.score)
    assert 0.0 <= first.score <= 1.0


def test_batching_media_together_changes_nothing(detector: VeritagImage) -> None:
    one, two = detector.preprocess(noise(1, 256, 256, 3)), detector.preprocess(noise(2, 256, 256, 3))
    together = detector.forward(torch.cat([one, two]))
    assert torch.allclose(together[:1], detector.forward(one), atol=1e-4)
    assert torch.allclose(together[1:], detector.forward(two), atol=1e-4)
