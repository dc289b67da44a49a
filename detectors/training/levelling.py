"""Levelling: give every picture the same file history before anything is learned from it.

Collections leak their label through format, size and compression (all reals JPEG, all fakes PNG ...). Every
picture of both classes therefore goes through the same random crop, scaling and JPEG encoding, drawn from one
distribution; what then still tells the classes apart is closer to what a generator leaves behind.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.random import Generator
from PIL import Image
from torch import Tensor

from detectors.training.dataset import MIN_SIDE, Item, read

MAX_CROP = 200
SUBSAMPLINGS = (0, 1, 2)  # 4:4:4, 4:2:2, 4:2:0
_FILTERS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)


def jpeg(image: Image.Image, quality: int, subsampling: int = 2) -> Image.Image:
    """Encode as JPEG and decode again."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    buffer.seek(0)
    with Image.open(buffer) as decoded:
        return decoded.convert("RGB")


def centre_crop(image: Image.Image, side: int) -> Image.Image:
    """Cut the central square of `side` pixels, or the whole of a smaller side."""
    width, height = min(side, image.width), min(side, image.height)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def random_crop(image: Image.Image, side: int, rng: Generator) -> Image.Image:
    """Cut a square of `side` pixels anywhere; the picture's sides must be at least that."""
    left = int(rng.integers(image.width - side + 1))
    top = int(rng.integers(image.height - side + 1))
    return image.crop((left, top, left + side, top + side))


def level(image: Image.Image, side: int, rng: Generator) -> Image.Image:
    """Draw one levelled crop.

    A random `MIN_SIDE` square; three in ten scaled by 0.78 to 1.25 with a random filter; JPEG of quality 70
    to 98 with 4:2:0 (three in five), 4:4:4 or 4:2:2; cut to a random square of `side` pixels, at most 200.
    """
    image = random_crop(image, MIN_SIDE, rng)
    if rng.random() < 0.3:
        size = int(rng.integers(MAX_CROP, round(MIN_SIDE * 1.25) + 1))
        image = image.resize((size, size), _FILTERS[rng.integers(len(_FILTERS))])
    subsampling = int(rng.choice(SUBSAMPLINGS, p=(0.3, 0.1, 0.6)))
    image = jpeg(image, int(rng.integers(70, 99)), subsampling)
    return random_crop(image, side, rng)


def pool(items: Sequence[Item], *, variants: int, side: int, seed: int, workers: int = 2) -> Tensor:
    """Level every item several times, once for all epochs and folds.

    Each item's draws depend on the seed and its key only, never on order or on the other items.

    Returns:
        uint8 ``(items, variants, 3, side, side)``.
    """
    crops = torch.empty((len(items), variants, 3, side, side), dtype=torch.uint8)

    def fill(index: int) -> None:
        rng = np.random.default_rng([seed, int(items[index].key, 16)])
        image = read(items[index].path)
        for variant in range(variants):
            pixels = np.array(level(image, side, rng))
            crops[index, variant] = torch.from_numpy(pixels).permute(2, 0, 1)

    with ThreadPoolExecutor(workers) as executor:
        list(executor.map(fill, range(len(items))))
    return crops
