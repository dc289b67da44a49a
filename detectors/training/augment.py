"""Augmentations of pictures, uint8 RGB arrays ``(H, W, 3)``; every random choice comes from the generator.

`genconvit` is the published recipe's list with the ranges that albumentations 1.3.0 has as its defaults.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage

Picture = NDArray[np.uint8]
Augmentation = Callable[[Picture, Generator], Picture]


def genconvit(picture: Picture, rng: Generator) -> Picture:
    """Augment a square face crop as GenConViT's published training does; one in ten stays as it is."""
    if rng.random() >= 0.9:
        return picture
    for probability, augmentation in _GENCONVIT:
        if rng.random() < probability:
            picture = augmentation(picture, rng)
    return np.ascontiguousarray(picture)


def mirrored(picture: Picture, rng: Generator) -> Picture:
    """Mirror every second picture, left to right."""
    return np.ascontiguousarray(picture[:, ::-1]) if rng.random() < 0.5 else picture


def blurred_or_compressed(picture: Picture, rng: Generator) -> Picture:
    """Blur every second picture (Gaussian, up to 3 pixels) and compress every second one (JPEG, quality 30
    to 100), as UniversalFakeDetect's published training does.
    """
    if rng.random() < 0.5:
        sigma = rng.uniform(0, 3)
        picture = ndimage.gaussian_filter(picture, (sigma, sigma, 0))
    if rng.random() < 0.5:
        encoded = io.BytesIO()
        Image.fromarray(picture).save(encoded, "JPEG", quality=int(rng.integers(30, 101)))
        picture = np.array(Image.open(encoded).convert("RGB"))
    return picture


def random_crop(picture: Picture, side: int, rng: Generator) -> Picture:
    """Cut a square anywhere; the picture's sides must be at least that."""
    top, left = (int(rng.integers(length - side + 1)) for length in picture.shape[:2])
    return picture[top : top + side, left : left + side]


def centre_crop(picture: Picture, side: int) -> Picture:
    """Cut the central square."""
    top, left = ((length - side) // 2 for length in picture.shape[:2])
    return picture[top : top + side, left : left + side]


def _rotate_by_quarters(picture: Picture, rng: Generator) -> Picture:
    return np.rot90(picture, int(rng.integers(4)))


def _transpose(picture: Picture, rng: Generator) -> Picture:
    del rng
    return picture.transpose(1, 0, 2)


def _flip(axis: int) -> Augmentation:
    return lambda picture, _: np.flip(picture, axis)


def _add_noise(picture: Picture, rng: Generator) -> Picture:
    """Gaussian noise with a variance of 10 to 50, in 8-bit units."""
    noise = rng.normal(0, np.sqrt(rng.uniform(10, 50)), picture.shape)
    return _clipped(picture + noise)


def _shift_scale_rotate(picture: Picture, rng: Generator) -> Picture:
    """Shift by up to 6.25 %, scale by up to 10 %, turn by up to 45 degrees; the border is mirrored."""
    angle = np.deg2rad(rng.uniform(-45, 45))
    scale = rng.uniform(0.9, 1.1)
    turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / scale
    middle = (np.array(picture.shape[:2]) - 1) / 2
    shift = rng.uniform(-0.0625, 0.0625, 2) * picture.shape[:2]
    offset = middle - turned @ (middle + shift)
    channels = [
        ndimage.affine_transform(picture[..., c], turned, offset, order=1, mode="mirror") for c in range(3)
    ]
    return np.stack(channels, axis=2)


def _equalise(picture: Picture, rng: Generator) -> Picture:
    """Contrast-limited adaptive histogram equalisation of the luma, clip limit 1 to 2 (published: of Lab's
    lightness).
    """
    from skimage import exposure

    luma, *colour = Image.fromarray(picture).convert("YCbCr").split()
    # Its limit is a share of a tile's pixels; OpenCV's is a multiple of the mean of 256 bins.
    even = exposure.equalize_adapthist(np.asarray(luma), clip_limit=rng.uniform(1, 2) / 256)
    merged = Image.merge("YCbCr", [Image.fromarray(_clipped(even * 255)), *colour])
    return np.array(merged.convert("RGB"))


def _sharpen(picture: Picture, rng: Generator) -> Picture:
    alpha, lightness = rng.uniform(0.2, 0.5), rng.uniform(0.5, 1.0)
    return _filtered(picture, [-1.0] * 4 + [8 + lightness] + [-1.0] * 4, alpha)


def _emboss(picture: Picture, rng: Generator) -> Picture:
    alpha, strength = rng.uniform(0.2, 0.5), rng.uniform(0.2, 0.7)
    edge, side = -1 - strength, -strength
    return _filtered(picture, [edge, side, 0, side, 1, -side, 0, -side, -edge], alpha)


def _change_contrast(picture: Picture, rng: Generator) -> Picture:
    contrast, brightness = 1 + rng.uniform(-0.2, 0.2), rng.uniform(-0.2, 0.2)
    return _clipped(picture * contrast + brightness * 255)


def _change_colour(picture: Picture, rng: Generator) -> Picture:
    """Shift hue by up to 20 of 180, saturation by up to 30 and value by up to 20 of 255."""
    hsv = np.array(Image.fromarray(picture).convert("HSV"), dtype=np.float64)
    hsv[..., 0] = (hsv[..., 0] + rng.uniform(-20, 20) * 256 / 180) % 256
    hsv[..., 1] += rng.uniform(-30, 30)
    hsv[..., 2] += rng.uniform(-20, 20)
    return np.array(
        Image.merge("HSV", [Image.fromarray(c) for c in np.moveaxis(_clipped(hsv), 2, 0)]).convert("RGB")
    )


def _one_of(*choices: Augmentation) -> Augmentation:
    return lambda picture, rng: choices[rng.integers(len(choices))](picture, rng)


def _filtered(picture: Picture, kernel: list[float], alpha: float) -> Picture:
    mixed = [alpha * weight + (1 - alpha) * (place == 4) for place, weight in enumerate(kernel)]
    image = Image.fromarray(np.ascontiguousarray(picture))
    return np.array(image.filter(ImageFilter.Kernel((3, 3), mixed, scale=1)))


def _clipped(values: NDArray[np.floating[Any]]) -> Picture:
    return values.round().clip(0, 255).astype(np.uint8)


_GENCONVIT: tuple[tuple[float, Augmentation], ...] = (
    (0.2, _rotate_by_quarters),
    (0.2, _transpose),
    (0.5, _flip(1)),
    (0.5, _flip(0)),
    (0.2, _add_noise),
    (0.2, _shift_scale_rotate),
    (0.2, _one_of(_equalise, _sharpen, _emboss, _change_contrast)),
    (0.2, _change_colour),
)
