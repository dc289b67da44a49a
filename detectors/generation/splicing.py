"""Splices: an object of another picture, or of the same one, put into a real picture.

What gives a splice away is a mismatch at and inside its edge: of colour, of noise, of JPEG history. Each is
kept or levelled by a coin of its own, so that a detector cannot rest on one of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from detectors.errors import Unsuitable
from detectors.generation.base import Description, Mask, PictureFake, Pixels
from detectors.generation.laundering.pictures import Jpeg
from detectors.generation.masks import random_mask, require_size

AREA = (0.02, 0.25)
SOFTNESS = (0.5, 5.0)
_ROOM = 0.9  # an object takes at most this share of either side
_CORE = 0.5

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Object:
    """A cut-out: pixels float32 ``(h, w, 3)`` in [0, 255] and its mask."""

    pixels: Floats
    mask: Mask


def splice(real: Pixels, rng: np.random.Generator, donor: Pixels) -> PictureFake:
    """Put an object of `donor` into `real`.

    The object is cut out by a random soft mask, mirrored, turned and scaled, and pasted at a random place.

    Raises:
        Unsuitable: one of the two is too small.
    """
    history: Description = {}
    if rng.random() < 0.5:
        step = Jpeg(int(rng.integers(50, 96)))
        donor, history = step(donor), {"donor_jpeg": step.quality}
    return _paste(real, donor, rng, history, level=True)


def copy_move(real: Pixels, rng: np.random.Generator) -> PictureFake:
    """Copy an object of a picture to another place of the same picture.

    Raises:
        Unsuitable: the picture is too small.
    """
    return _paste(real, real, rng, {}, level=False)


def _paste(
    real: Pixels, donor: Pixels, rng: np.random.Generator, history: Description, *, level: bool
) -> PictureFake:
    require_size(real)
    mask, drawn = random_mask(donor, rng, AREA, softness=SOFTNESS, whole=True)
    cut, moved = _transform(_cut(donor, mask), real.shape[:2], rng)
    height, width = cut.mask.shape
    top = int(rng.integers(real.shape[0] - height + 1))
    left = int(rng.integers(real.shape[1] - width + 1))
    place = np.s_[top : top + height, left : left + width]
    below = real[place].astype(np.float32)
    pixels = cut.pixels
    levelled = []
    if level and rng.random() < 0.5:
        pixels = _level_colour(pixels, below, cut.mask)
        levelled.append("colour")
    if level and rng.random() < 0.5:
        pixels = _level_noise(pixels, below, cut.mask, rng)
        levelled.append("noise")
    fake = real.copy()
    alpha = cut.mask[..., None]
    fake[place] = (alpha * pixels + (1 - alpha) * below).round().clip(0, 255)
    whole = np.zeros(real.shape[:2], np.float32)
    whole[place] = cut.mask
    return PictureFake(
        fake, whole, {"mask": drawn, **history, **moved, "at": [left, top], "levelled": levelled}
    )


def _cut(picture: Pixels, mask: Mask) -> _Object:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return _Object(picture[box].astype(np.float32), mask[box])


def _transform(
    cut: _Object, target: tuple[int, ...], rng: np.random.Generator
) -> tuple[_Object, Description]:
    """Mirror, turn and scale a cut-out so that it fits into a picture of the target's height and width."""
    angle = float(rng.uniform(-20, 20)) if rng.random() < 0.6 else 0.0
    mirrored = bool(rng.random() < 0.5)
    share = float(np.exp(rng.uniform(*np.log(AREA))))
    factor = float(np.sqrt(share * target[0] * target[1] / max(float(cut.mask.sum()), 1.0)))
    turned = np.dstack([cut.pixels, 255 * cut.mask[..., None]])
    if mirrored:
        turned = turned[:, ::-1]
    if angle:
        turned = ndimage.rotate(turned, angle, order=1, mode="constant")
    height, width = turned.shape[:2]
    factor = min(factor, _ROOM * target[0] / height, _ROOM * target[1] / width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    layers = [
        np.asarray(Image.fromarray(np.ascontiguousarray(layer)).resize(size, Image.Resampling.BILINEAR))
        for layer in np.moveaxis(turned.astype(np.float32), -1, 0)
    ]
    mask = (layers[3] / 255).clip(0, 1)
    if mask.max() < _CORE:
        raise Unsuitable("the object that was cut out is too small to be seen")
    mask[mask < 1 / 255] = 0
    moved = {"angle": round(angle, 2), "mirrored": mirrored, "factor": round(factor, 4)}
    return _Object(np.stack(layers[:3], axis=-1), mask), moved


def _level_colour(pixels: Floats, below: Floats, mask: Mask) -> Floats:
    """Give the object the mean of what it covers and half of its contrast (Reinhard et al., 2001, on RGB)."""
    inside = mask > _CORE
    mean, deviation = pixels[inside].mean(axis=0), pixels[inside].std(axis=0) + 1
    wanted_mean, wanted = below[inside].mean(axis=0), below[inside].std(axis=0) + 1
    contrast = np.sqrt(wanted / deviation).clip(0.5, 2)
    levelled: Floats = ((pixels - mean) * contrast + wanted_mean).clip(0, 255).astype(np.float32)
    return levelled


def _level_noise(pixels: Floats, below: Floats, mask: Mask, rng: np.random.Generator) -> Floats:
    """Add noise to a cleaner object; smooth a noisier one."""
    own, wanted = noise_level(pixels, mask), noise_level(below, mask)
    if own < wanted:
        noise = rng.normal(0, np.sqrt(wanted**2 - own**2), pixels.shape)
        return (pixels + noise).clip(0, 255).astype(np.float32)
    smooth = ndimage.gaussian_filter(pixels, (0.6, 0.6, 0))
    levelled: Floats = pixels + (smooth - pixels) * np.float32(1 - wanted / max(own, 1e-6))
    return levelled


def noise_level(pixels: Floats, mask: Mask) -> float:
    """Standard deviation of the noise under a mask, by Immerkaer's Laplacian mask (1996) and its median."""
    grey = pixels.mean(axis=-1)
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = np.abs(ndimage.convolve(grey, kernel, mode="nearest"))[mask > _CORE]
    return float(np.median(response) / 0.6745 / 6)
