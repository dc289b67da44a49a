"""Synthetic pictures: smooth reals, and fakes with the checkerboard that naive up-sampling leaves behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image


def picture(rng: np.random.Generator, size: int, *, fake: bool) -> Image.Image:
    coarse = rng.uniform(40, 215, (8, 8, 3)).astype(np.uint8)
    smooth = np.asarray(
        Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC), dtype=np.float64
    )
    noise = rng.normal(0, 12, (size, size, 3))
    if fake:
        noise = noise[::2, ::2].repeat(2, axis=0).repeat(2, axis=1)
    return Image.fromarray((smooth + noise).clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sources with both classes, 6 pictures each, and one source of reals alone."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(7)
    for source, classes in {"one": ("real", "fake"), "two": ("real", "fake"), "phone": ("real",)}.items():
        for name in classes:
            target = folder / source / name
            target.mkdir(parents=True)
            for n in range(6):
                picture(rng, 270, fake=name == "fake").save(target / f"{n}.png")
    return folder


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)
