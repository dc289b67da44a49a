from __future__ import annotations

import pytest
import torch

from detectors.area_resize import area_resize


def row(*values: int) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.uint8).view(1, 1, -1, 1)


def test_the_same_size_is_the_same_pixels() -> None:
    pixels = torch.randint(0, 256, (2, 5, 7, 3), dtype=torch.uint8)
    assert area_resize(pixels, 5, 7) is pixels


def test_shrinking_averages_areas() -> None:
    # Three pixels to two: 1.5 pixels each.
    assert area_resize(row(0, 90, 240), 1, 2).flatten().tolist() == [30, 190]


def test_halving_both_sides_rounds_up_and_other_shrinking_to_even() -> None:
    cell = torch.tensor([[0, 1], [0, 1]], dtype=torch.uint8).view(1, 2, 2, 1)
    assert area_resize(cell, 1, 1).item() == 1
    assert area_resize(row(0, 1), 1, 1).item() == 0


def test_enlarging_holds_pixels_and_blends_between_them() -> None:
    assert area_resize(row(0, 100), 1, 4).flatten().tolist() == [0, 0, 100, 100]
    assert area_resize(row(0, 90), 1, 3).flatten().tolist() == [0, 45, 90]


@pytest.mark.parametrize(("height", "width"), [(3, 3), (9, 20), (20, 9), (64, 64)])
@pytest.mark.parametrize("value", [0, 1, 255])
def test_flat_areas_stay_flat(height: int, width: int, value: int) -> None:
    pixels = torch.full((2, 13, 17, 3), value, dtype=torch.uint8)
    resized = area_resize(pixels, height, width)
    assert resized.shape == (2, height, width, 3)
    assert resized.dtype == torch.uint8
    assert (resized == value).all()
