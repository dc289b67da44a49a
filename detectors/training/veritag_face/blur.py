"""Equal blur: fakes are often the softer class, and a detector of blur must not pass for one of fakes.

Within each class pictures are ranked by the variance of their Laplacian. At each rank the sharper class's
picture is blurred (a Gaussian, found by bisection) down to what the other class has there. Afterwards both
classes have one distribution of sharpness, and nothing was sharpened.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageFilter

from detectors.training.measure import laplacian_variance

_HALVINGS = 12
_STRONGEST = 8.0  # pixels


def sharpness(picture: Image.Image) -> float:
    """Variance of the Laplacian of a picture's luma."""
    return laplacian_variance(np.asarray(picture.convert("L"), dtype=np.float64))


def equalise(pictures: Sequence[Image.Image], labels: Sequence[int]) -> list[Image.Image]:
    """Blur pictures so that those labelled 0 and 1 are equally sharp, rank by rank."""
    own, of = np.array([sharpness(picture) for picture in pictures]), np.asarray(labels)
    levels = [np.sort(own[of == label]) for label in (0, 1)]
    shares = [(np.arange(len(level)) + 0.5) / len(level) for level in levels]
    equal = []
    for picture, value, label in zip(pictures, own, labels, strict=True):
        share = shares[label][np.searchsorted(levels[label], value)]
        other = float(np.exp(np.interp(share, shares[1 - label], np.log(levels[1 - label]))))
        equal.append(blurred_to(picture, min(float(value), other)))
    return equal


def blurred_to(picture: Image.Image, wanted: float) -> Image.Image:
    """Blur a picture until its sharpness is at most ``wanted``; one that is so already stays."""
    if sharpness(picture) <= wanted * 1.02:
        return picture
    low, high = 0.0, _STRONGEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        sharper = sharpness(picture.filter(ImageFilter.GaussianBlur(middle))) > wanted
        low, high = (middle, high) if sharper else (low, middle)
    return picture.filter(ImageFilter.GaussianBlur(high))
