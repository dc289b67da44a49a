from __future__ import annotations

import pytest
import torch

import detectors
from detectors.safe import SAFE, SAFENetwork, diagonal_band


def test_the_band_by_hand() -> None:
    # The cells of the picture's inside begin at even pixels: (3, 1, 4, 8) gives (3 - 1 - 4 + 8) / 2.
    x = torch.zeros(1, 1, 4, 4)
    x[0, 0, :2, :2] = torch.tensor([[3.0, 1.0], [4.0, 8.0]])
    band = diagonal_band(x)[0, 0]
    assert band.shape == (4, 4)
    assert band[1, 1] == 3.0
    # Beyond the corner lies the same cell mirrored both ways, whose diagonal difference is the same.
    assert band[0, 0] == 3.0
    assert band[2:, 2:].abs().max() == 0.0


@pytest.mark.parametrize(("height", "width"), [(3, 3), (256, 256), (250, 333), (7, 8)])
def test_sizes_of_the_band_and_of_the_residual(height: int, width: int) -> None:
    x = torch.rand(1, 3, height, width)
    assert diagonal_band(x).shape == (1, 3, (height + 5) // 2, (width + 5) // 2)
    assert SAFENetwork().high_pass(x).shape == x.shape


def test_slopes_along_one_axis_leave_no_trace() -> None:
    slope = torch.linspace(0, 1, 40).expand(1, 3, 30, 40)
    assert diagonal_band(slope).abs().max() < 1e-6


def test_the_logit_is_the_softmax_of_fake() -> None:
    detector = SAFE(SAFENetwork(), detectors.record("safe"))
    output = torch.tensor([[0.3, -1.2], [-4.0, 2.0]])
    assert torch.allclose(torch.sigmoid(detector.logit(output)), output.softmax(dim=1)[:, 1])


def test_a_picture_is_cropped_and_never_resized() -> None:
    detector = SAFE(SAFENetwork(), detectors.record("safe"))
    frames = torch.zeros(1, 300, 200, 3, dtype=torch.uint8)
    frames[0, 22, 0] = torch.tensor([51, 102, 255], dtype=torch.uint8)
    batch = detector.preprocess(frames)
    assert batch.shape == (1, 3, 256, 256)
    assert batch[0, :, 0, 28].tolist() == pytest.approx([0.2, 0.4, 1.0])
    assert batch.sum().item() == pytest.approx(1.6)
