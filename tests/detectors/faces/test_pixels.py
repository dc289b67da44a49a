from __future__ import annotations

import numpy as np
import torch

from detectors.faces.pixels import resize, warp_affine


def test_a_shift_moves_pixels_and_leaves_black() -> None:
    frames = torch.arange(2 * 3 * 3 * 3, dtype=torch.uint8).view(2, 3, 3, 3)
    moved = warp_affine(frames, np.array([[1.0, 0, 1], [0, 1, 2]]), 4)
    assert torch.equal(moved[:, 2:, 1:], frames[:, :2])
    assert moved[:, :2].sum() == moved[:, :, 0].sum() == 0


def test_half_a_pixel_mixes_neighbours_and_the_black_outside() -> None:
    frames = torch.tensor([10, 20], dtype=torch.uint8).view(1, 1, 2, 1).expand(1, 1, 2, 3)
    moved = warp_affine(frames, np.array([[1.0, 0, 0.5], [0, 1, 0]]), 3)
    assert moved[0, 0, :, 0].tolist() == [5, 15, 10]


def test_far_outside_everything_is_black() -> None:
    frames = torch.full((1, 5, 5, 3), 255, dtype=torch.uint8)
    for shift in (-1e4, 1e4):
        assert warp_affine(frames, np.array([[1.0, 0, shift], [0, 1, 0]]), 8).sum() == 0


def test_resizing_keeps_flat_areas_and_known_pixels() -> None:
    assert (resize(torch.full((7, 3, 3), 201, dtype=torch.uint8), 10) == 201).all()
    image = torch.tensor([0, 100], dtype=torch.uint8).view(1, 2, 1).expand(1, 2, 3)
    assert resize(image, 4)[0, :, 0].tolist() == [0, 25, 75, 100]
    same = torch.randint(0, 256, (9, 9, 3), dtype=torch.uint8)
    assert torch.equal(resize(same, 9), same)
