from __future__ import annotations

import pytest
import torch

from detectors import gradients
from detectors.gradients import GRADIENTS


def test_neighbouring_pixel_relations_by_hand() -> None:
    x = torch.tensor([[1.0, 2.0, 5.0, 5.0], [3.0, 9.0, 4.0, 0.0]])[None, None]
    expected = torch.tensor([[0.0, 1.0, 0.0, 0.0], [2.0, 8.0, -1.0, -5.0]])
    assert torch.equal(gradients.apply(x, "NPR")[0, 0], expected)


def test_left_diagonal_by_hand() -> None:
    x = torch.zeros(1, 2, 3, 3)
    x[0, 1, 0, 2] = 1.0  # seen from the centre, the upper right neighbour, whose weight is 2
    filtered = gradients.apply(x, "left_diag")
    assert filtered[0, 1, 1, 1] == 2.0
    assert filtered[0, 0].abs().max() == 0.0


@pytest.mark.parametrize("kind", GRADIENTS)
def test_filters_keep_the_shape_and_cancel_flat_areas(kind: gradients.Gradient) -> None:
    x = torch.full((2, 3, 8, 10), 0.7)
    filtered = gradients.apply(x, kind)
    assert filtered.shape == x.shape
    if kind != "raw":
        assert filtered[..., 1:-1, 1:-1].abs().max() < 1e-6


def test_odd_sides_have_no_neighbouring_pixel_relations() -> None:
    with pytest.raises(ValueError, match="needs even sides, not 5 x 4"):
        gradients.apply(torch.zeros(1, 3, 4, 5), "NPR")
