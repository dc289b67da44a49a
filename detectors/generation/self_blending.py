"""Self-blended faces: pseudo-fakes made of one real face, without any face-swap data.

Two copies of one picture are made unlike in colour, sharpness and place and blended inside a soft mask of the
face (Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR 2022, arXiv 2204.08376).
Two further sources of what is pasted in are ours: another real face laid over this one by its five points,
and the face after a coarse coding, as auto-encoding swaps leave it.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter
from scipy.ndimage import gaussian_filter

from detectors.errors import Unsuitable
from detectors.faces.mtcnn import MTCNN
from detectors.generation import face_shapes
from detectors.generation.base import Description, Mask, Pixels
from detectors.generation.face_shapes import Points

Floats = NDArray[np.float32]
Coder = Callable[[Pixels, Points, np.random.Generator], Pixels]

_SEARCHED_SIDE = 640  # longest side of the copy in which faces are looked for
_SMALLEST = 64  # pixels of a face's longer side
_CONFIDENT = 0.95
_LEAST_SHARE = 0.004  # less than that changes no pixel
_UP = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
_DOWN = (*_UP, Image.Resampling.BOX, Image.Resampling.NEAREST)


@dataclass(frozen=True, slots=True)
class Face:
    """A real picture, uint8 ``(H, W, 3)``, and eyes, nose and mouth corners ``(5, 2)`` of one face in it."""

    picture: Pixels
    points: Points


@dataclass(frozen=True, slots=True)
class Blend:
    """A pair: both uint8 ``(H, W, 3)``, equal where the float32 mask ``(H, W)`` is 0.

    ``real`` is the given picture, or its altered copy where the background was the one to be altered.
    """

    real: Pixels
    fake: Pixels
    mask: Mask
    description: Description = field(default_factory=dict)


def shift_colours(picture: Pixels, rng: np.random.Generator, strength: float = 1.0) -> Pixels:
    """Change gain, contrast, brightness and saturation at random, as another camera or light would."""
    mean = picture[::4, ::4].mean(axis=(0, 1))
    gain = 1 + strength * rng.uniform(-0.07, 0.07, 3)
    contrast = 1 + strength * rng.uniform(-0.18, 0.12)
    offset = strength * (rng.uniform(-14, 14) + rng.uniform(-7, 7, 3))
    saturation = 1 + strength * rng.uniform(-0.35, 0.3) if rng.random() < 0.4 else 1.0
    levels = (np.arange(256)[None] - mean[:, None]) * contrast + (mean * gain + offset)[:, None]
    image = Image.fromarray(picture).point(np.clip(np.rint(levels), 0, 255).astype(int).ravel().tolist())
    if saturation != 1:
        image = ImageEnhance.Color(image).enhance(max(0.0, saturation))
    return np.array(image)


def degrade(picture: Pixels, face: float, rng: np.random.Generator) -> tuple[Pixels, str]:
    """Lower or sharpen a picture's resolution at random; ``face`` is the face's width in pixels."""
    image = Image.fromarray(picture)
    kind = str(
        rng.choice(("none", "scale", "blur", "sharpen", "jpeg", "noise"), p=(0.05, 0.46, 0.2, 0.1, 0.09, 0.1))
    )
    if kind == "scale":
        left = float(np.exp(rng.uniform(np.log(18), np.log(max(26.0, 0.6 * face)))))
        share = min(0.9, left / face)
        size = [max(4, round(side * share)) for side in image.size]
        small = image.resize((size[0], size[1]), _DOWN[rng.integers(len(_DOWN))])
        image = small.resize(image.size, _UP[rng.integers(len(_UP))])
    elif kind == "blur":
        image = image.filter(ImageFilter.GaussianBlur(float(face * rng.uniform(0.008, 0.035))))
    elif kind == "sharpen":
        radius, percent = float(rng.uniform(0.8, 2.5)), int(rng.integers(50, 220))
        image = image.filter(ImageFilter.UnsharpMask(radius, percent, 0))
    elif kind == "jpeg":
        image = encode(image, int(rng.integers(12, 60)))
    elif kind == "noise":
        noise = rng.standard_normal((*picture.shape[:2], 1)) * rng.uniform(2, 9)
        return np.clip(picture + noise, 0, 255).astype(np.uint8), kind
    return np.array(image), kind


def encode(image: Image.Image, quality: int, subsampling: int = 2) -> Image.Image:
    """Encode as JPEG and decode again."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return Image.open(buffer).convert("RGB")


def warp(picture: Pixels, matrix: Points, size: tuple[int, int], resample: Image.Resampling) -> Pixels:
    """Map a picture by an affine ``(2, 3)`` from its pixels into a picture of ``(W, H)``.

    Its edge is repeated by a quarter of its size around it, and beyond is black.
    """
    border = max(picture.shape[:2]) // 4
    padded = np.pad(picture, ((border, border), (border, border), (0, 0)), mode="edge")
    back = face_shapes.inverse(matrix)
    back[:, 2] += border
    image = Image.fromarray(padded).transform(
        size, Image.Transform.AFFINE, tuple(back.ravel().tolist()), resample=resample
    )
    return np.array(image)


def misplace(
    picture: Pixels, mask: Mask, points: Points, rng: np.random.Generator
) -> tuple[Pixels, Mask, float]:
    """Move, scale and turn a copy a little, its mask alike. Returns the largest shift in face widths too."""
    face = _width(points)
    centre = points.mean(axis=0)
    angle, scale = np.radians(rng.uniform(-2.5, 2.5)), rng.uniform(0.92, 1.08)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = face * rng.uniform((-0.06, -0.04), (0.06, 0.04))
    matrix = np.column_stack([turn, centre + shift - turn @ centre])
    size = (picture.shape[1], picture.shape[0])
    resample = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)[rng.integers(2)]
    back = tuple(face_shapes.inverse(matrix).ravel().tolist())
    moved = Image.fromarray(mask).transform(size, Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)
    return warp(picture, matrix, size, resample), np.asarray(moved), float(np.abs(shift).max() / face)


def lend(donor: Face, target: Face, mask: Mask, rng: np.random.Generator) -> Pixels:
    """Lay another face over the target's place, with its colours drawn towards the target's there."""
    matrix = face_shapes.affine(donor.points, target.points)
    size = (target.picture.shape[1], target.picture.shape[0])
    laid = warp(donor.picture, matrix, size, Image.Resampling.BICUBIC).astype(np.float32)
    inside = mask > 0.5
    if inside.sum() > 16:
        own, wanted = laid[inside], target.picture[inside].astype(np.float32)
        gain = (wanted.std(axis=0) + 1) / (own.std(axis=0) + 1)
        matched = (laid - own.mean(axis=0)) * np.clip(gain, 0.4, 2.5) + wanted.mean(axis=0)
        laid += (matched - laid) * rng.uniform(0.75, 1.0)
    return np.clip(laid, 0, 255).astype(np.uint8)


def harmonise(source: Pixels, target: Pixels, sigma: float) -> Pixels:
    """Give a source the target's coarse light and colour: only detail finer than ``sigma`` pixels stays."""
    difference = target.astype(np.float32) - source
    small = Image.fromarray(source).size
    step = max(1, int(sigma / 2))
    coarse = np.stack(
        [
            np.asarray(
                Image.fromarray(gaussian_filter(difference[::step, ::step, channel], sigma / step)).resize(
                    small, Image.Resampling.BILINEAR
                )
            )
            for channel in range(3)
        ],
        axis=2,
    )
    lit: Pixels = np.clip(source + coarse, 0, 255).astype(np.uint8)
    return lit


def blend(
    face: Face,
    rng: np.random.Generator,
    *,
    donor: Face | None = None,
    coder: Coder | None = None,
    background: bool = True,
) -> Blend:
    """Make one pair of a real face.

    Args:
        face: picture and points.
        donor: another real face to paste in, instead of this one's own copy.
        coder: codes the face coarsely and gives the picture back, instead of its plain copy.
        background: whether, of the plain copies, the background may be the one that is altered; if not,
            ``real`` is the given picture.
    """
    size = (face.picture.shape[1], face.picture.shape[0])
    width = _width(face.points)
    mask, shape = face_shapes.random_mask(face.points, size, rng)
    source, target = face.picture, face.picture
    kind = "self"
    if donor is not None:
        source, kind = lend(donor, face, mask, rng), "donor"
    elif coder is not None:
        source, kind = coder(face.picture, face.points, rng), "coded"
    quality = "none"
    plain = kind == "self"
    if plain and background and rng.random() < 0.5:
        target, quality = degrade(shift_colours(target, rng, 1.3), width, rng)
        altered = "target"
    else:
        source, quality = degrade(shift_colours(source, rng, 1.3 if plain else 0.8), width, rng)
        altered = "source"
    source, mask, shift = misplace(source, mask, face.points, rng)
    harmonised = bool(rng.random() < (0.2 if plain else 0.35))
    if harmonised:
        source = harmonise(source, target, float(width * rng.uniform(0.08, 0.3)))
    ratio = float(rng.choice((0.6, 0.8, 1.0), p=(0.1, 0.2, 0.7)))
    mask = mask * np.float32(ratio)
    mask[mask < _LEAST_SHARE] = 0
    fake = target + mask[..., None] * (source.astype(np.float32) - target)
    description = {
        "source": kind,
        "mask": shape,
        "altered": altered,
        "quality": quality,
        "shift": round(shift, 4),
        "harmonised": harmonised,
        "ratio": ratio,
    }
    return Blend(target, np.clip(np.rint(fake), 0, 255).astype(np.uint8), mask, description)


def _width(points: Points) -> float:
    """The face's width in pixels, by the jaw that belongs to five points."""
    return float(np.ptp(face_shapes.fit(points)[:17, 0]))


def self_blended(real: Pixels, rng: np.random.Generator) -> tuple[Pixels, Mask, Description]:
    """Alter the largest face of a picture, uint8 RGB ``(H, W, 3)``, by a copy of itself.

    The mask is float32 ``(H, W)`` in [0, 1], exactly 0 where the picture was left alone.

    Raises:
        Unsuitable: no face of at least 64 pixels.
    """
    face = largest_face(real)
    made = blend(face, rng, background=False)
    return made.fake, made.mask, made.description


def largest_face(picture: Pixels) -> Face:
    """Find the largest confident face of a picture, uint8 RGB ``(H, W, 3)``.

    Raises:
        Unsuitable: no face of at least 64 pixels.
    """
    scale = min(1.0, _SEARCHED_SIDE / max(picture.shape[:2]))
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    copy = np.array(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
    found = _finder().find(torch.from_numpy(copy)[None], max(20.0, _SMALLEST * scale))[0]
    sides = np.where(found.scores >= _CONFIDENT, (found.boxes[:, 2:] - found.boxes[:, :2]).max(axis=1), 0)
    if not (sides >= _SMALLEST * scale).any():
        raise Unsuitable(f"no face of at least {_SMALLEST} pixels was found")
    return Face(picture, found.landmarks[int(sides.argmax())].astype(np.float64) / scale)


@cache
def _finder() -> MTCNN:
    return MTCNN()
