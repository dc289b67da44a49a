"""Pictures as examples, for recipes that squeeze and then crop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from detectors import pixels
from detectors.training import augment, dataset
from detectors.training.dataset import Item
from detectors.training.recipe import Batch


class SqueezedPictures:
    """Pictures squeezed into a square (bilinear), then a smaller one: anywhere in it and every second one
    mirrored, or its middle where nothing is random.
    """

    def __init__(self, items: Sequence[Item], side: int, crop: int) -> None:
        self._items, self._side, self._crop = items, side, crop

    def __len__(self) -> int:
        return len(self._items)

    def get(self, index: int, rng: np.random.Generator | None) -> Batch:
        """``picture`` float32 ``(3, crop, crop)``, normalised as ImageNet's.

        Raises:
            ValueError: the file is damaged.
        """
        item = self._items[index]
        squeezed = dataset.read(item.path).resize((self._side, self._side), Image.Resampling.BILINEAR)
        picture = np.array(squeezed)
        if rng is None:
            picture = augment.centre_crop(picture, self._crop)
        else:
            picture = augment.mirrored(augment.random_crop(picture, self._crop, rng), rng)
        frames = torch.from_numpy(np.ascontiguousarray(picture))[None]
        normalised = pixels.normalise(frames, pixels.IMAGENET_MEAN, pixels.IMAGENET_STD)
        return {"picture": normalised[0], "label": torch.tensor(item.label)}
