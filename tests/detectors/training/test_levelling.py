from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from detectors.training import dataset, levelling


def gradient(width: int, height: int) -> Image.Image:
    rows, columns = np.mgrid[:height, :width]
    return Image.fromarray(
        np.stack([rows % 256, columns % 256, (rows + columns) % 256], axis=2).astype(np.uint8)
    )


def test_centre_crop_takes_the_middle_and_never_more_than_there_is() -> None:
    image = gradient(301, 200)
    crop = levelling.centre_crop(image, 256)
    assert crop.size == (256, 200)
    assert crop.getpixel((0, 0)) == image.getpixel((22, 0))


def test_levelling_draws_anew_but_repeats_for_a_seed() -> None:
    image = gradient(400, 300)
    first, second = (np.array(levelling.level(image, 160, np.random.default_rng(1))) for _ in range(2))
    other = np.array(levelling.level(image, 160, np.random.default_rng(2)))
    assert first.shape == (160, 160, 3)
    assert (first == second).all()
    assert (first != other).any()


def test_a_pool_does_not_depend_on_order_or_workers(pictures: Path) -> None:
    items = dataset.scan(pictures)[:4]
    pool = levelling.pool(items, variants=2, side=64, seed=5, workers=2)
    assert pool.shape == (4, 2, 3, 64, 64)
    assert pool.dtype == torch.uint8
    assert torch.equal(levelling.pool(items[::-1], variants=2, side=64, seed=5, workers=1).flip(0), pool)
    assert not torch.equal(pool[:, 0], pool[:, 1])


def test_jpeg_of_low_quality_changes_more() -> None:
    image = gradient(64, 64)
    pixels = np.array(image, dtype=np.int64)
    low, high = (np.abs(np.array(levelling.jpeg(image, quality)) - pixels).mean() for quality in (30, 95))
    assert low > high
