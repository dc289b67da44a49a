from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

import detectors
from detectors import weights
from detectors.adm_unet import ADMUNet, clamped_noise, ddim_schedule
from detectors.base import Modality, View
from detectors.distildire import DistilDIRE, DistilDIREStudent, eight_bit, resize, student_input
from detectors.errors import NotApplicable, WeightsMissing


@pytest.fixture(scope="module")
def detector() -> Iterator[DistilDIRE]:
    """Random weights, the U-Net an eighth as wide."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    yield DistilDIRE(DistilDIREStudent(), ADMUNet(width=32), detectors.record("distildire"))
    torch.set_num_threads(threads)


def noise(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def test_the_records_describe_the_networks() -> None:
    with torch.device("meta"):
        student, unet = DistilDIREStudent(), ADMUNet()
    record = detectors.record("distildire")
    assert record.parameters == sum(p.numel() for p in (*student.parameters(), *unet.parameters()))
    assert list(record.parts) == ["unet"]
    assert record.modalities == (Modality.IMAGE,)
    assert DistilDIRE.view is View.FRAMES


def test_a_square_picture_keeps_every_pixel(detector: DistilDIRE) -> None:
    view = noise(2, 256, 256, 3)
    batch = detector.preprocess(view)
    assert batch.shape == (2, 3, 256, 256)
    assert batch[1, 2, 3, 4].item() == pytest.approx(view[1, 3, 4, 2].item() / 127.5 - 1, abs=1e-6)


def test_the_centre_square_is_cut_out(detector: DistilDIRE) -> None:
    view = torch.zeros(1, 256, 512, 3, dtype=torch.uint8)
    view[:, :, 128:384] = 255
    assert (detector.preprocess(view) == 1).all()


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 500), (1000, 700), (257, 255)])
def test_other_sizes_are_scaled(detector: DistilDIRE, height: int, width: int) -> None:
    assert detector.preprocess(noise(1, height, width, 3)).shape == (1, 3, 256, 256)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((1, 31, 500, 3), r"too small to judge \(500 x 31 pixels; at least 32 each way\)"),
        ((1, 40, 700, 3), r"too narrow to judge \(700 x 40 pixels\)"),
        ((0, 256, 256, 3), "no frame"),
    ],
)
def test_what_cannot_be_judged_says_why(detector: DistilDIRE, shape: tuple[int, ...], reason: str) -> None:
    with pytest.raises(NotApplicable, match=reason):
        detector.detect(torch.zeros(shape, dtype=torch.uint8))


@pytest.mark.parametrize("value", [0, 255])
def test_flat_pictures_have_a_score_that_repeats(detector: DistilDIRE, value: int) -> None:
    view = torch.full((1, 64, 64, 3), value, dtype=torch.uint8)
    first, second = detector.detect(view), detector.detect(view)
    assert 0 <= first.score <= 1
    assert first == second


def test_frames_show_their_scores(detector: DistilDIRE) -> None:
    output = detector.reduce(torch.tensor([0.0, 2.0]))
    assert output.score == pytest.approx(torch.sigmoid(torch.tensor(1.0)).item())
    assert output.evidence["frame_scores"] == [0.5, 0.8808]


def test_the_clamp_acts_only_near_the_ends_of_the_range() -> None:
    x = torch.tensor([0.0, 0.5, 1.0, -1.0])
    found = clamped_noise(x, torch.tensor([2.0, -3.0, -1.0, -1.0]))
    assert found[:2] == pytest.approx([2.0, -3.0], abs=1e-3)
    # White less negative noise would be whiter than white; black less negative noise is a gray.
    assert found[2].item() == pytest.approx((float(ddim_schedule().sqrt_recip[0]) - 1) / 0.01, abs=1e-3)
    assert found[3].item() == pytest.approx(-1.0, abs=1e-3)


def test_eight_bits_round_to_the_nearest_level() -> None:
    levels = torch.arange(256) / 255 * 2 - 1
    assert torch.allclose(eight_bit(levels + 0.003), levels, atol=1e-6)
    assert eight_bit(torch.tensor([-1.5, 1.5])).tolist() == [-1.0, 1.0]


def test_the_student_sees_picture_before_noise() -> None:
    picture, found = torch.full((1, 3, 256, 256), 1.0), torch.full((1, 3, 256, 256), 7.5)
    both = student_input(picture, found)
    assert both.shape == (1, 6, 224, 224)
    assert (both[:, :3] == 1).all()
    assert torch.allclose(both[:, 3:], torch.tensor(7.5))
    assert resize(picture, 256).equal(picture)


def test_missing_weights_name_the_mend(tmp_path: Path) -> None:
    weights.accept_licence(detectors.record("distildire"), tmp_path)
    with pytest.raises(WeightsMissing, match="veritag weights fetch distildire"):
        detectors.create("distildire", weights_dir=tmp_path)
