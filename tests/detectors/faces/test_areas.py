"""Averaged areas against PyTorch's adaptive average pooling."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from detectors.faces.areas import Areas

PICTURES = torch.randint(
    0, 256, (3, 60, 90, 3), generator=torch.Generator().manual_seed(1), dtype=torch.uint8
)
CHANNELS_FIRST = PICTURES.permute(0, 3, 1, 2).float()


@pytest.mark.parametrize("size", [(17, 41), (59, 89), (60, 90), (1, 1), (30, 45)])
def test_whole_pictures(size: tuple[int, int]) -> None:
    shrunk = Areas(PICTURES).resized(*size)
    assert torch.allclose(shrunk, F.interpolate(CHANNELS_FIRST, size, mode="area"), atol=1e-4)


@pytest.mark.parametrize("table", [False, True])
def test_parts_of_pictures(table: bool) -> None:
    boxes = torch.tensor([[0, 0, 5, 9], [10, 20, 70, 60], [89, 59, 90, 60]])
    owner = torch.tensor([0, 2, 1])
    crops = Areas(PICTURES, table=table).crops(owner, boxes, 24)
    for crop, frame, (left, top, right, bottom) in zip(crops, owner, boxes.tolist(), strict=True):
        expected = F.adaptive_avg_pool2d(CHANNELS_FIRST[frame, :, top:bottom, left:right], 24)
        assert torch.allclose(crop, expected, atol=1e-4)
