"""The shape of a face out of five points, and soft masks that follow it.

A face finder gives the eyes, the tip of the nose and the corners of the mouth; a mean face of 81 points,
carried onto them by the affine map of least squares, is near enough for masks that are deformed at random
anyway. The points are numbered as usual: 0-16 jaw, 17-26 brows, 27-35 nose, 36-47 eyes, 48-67 mouth, then 13
along the forehead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import ConvexHull

Points = NDArray[np.float64]
Mask = NDArray[np.float32]

JAW, BROWS, NOSE, EYES, MOUTH, FOREHEAD = (
    *(range(17), range(17, 27), range(27, 36)),
    *(range(36, 48), range(48, 68), range(68, 81)),
)
SHAPES = ("whole", "without_forehead", "lower", "inner", "features", "ellipse")
_MASK_SIDE = 112  # masks are drawn this large at most: they are soft

_LEFT_JAW = (
    *((0.08, 0.36), (0.085, 0.48), (0.10, 0.60), (0.13, 0.72)),
    *((0.18, 0.83), (0.25, 0.92), (0.33, 0.99), (0.41, 1.045)),
)
_LEFT_BROW = ((0.17, 0.22), (0.22, 0.175), (0.29, 0.165), (0.36, 0.18), (0.43, 0.21))
_NOSE = (
    *((0.5, 0.33), (0.5, 0.41), (0.5, 0.49), (0.5, 0.56)),
    *((0.425, 0.615), (0.46, 0.63), (0.5, 0.64), (0.54, 0.63), (0.575, 0.615)),
)
_LEFT_EYE = ((0.24, 0.345), (0.285, 0.315), (0.335, 0.315), (0.385, 0.355), (0.335, 0.365), (0.285, 0.365))
_MOUTH = (
    *((0.345, 0.78), (0.41, 0.75), (0.46, 0.735), (0.5, 0.745), (0.54, 0.735), (0.59, 0.75), (0.655, 0.78)),
    *((0.59, 0.83), (0.545, 0.855), (0.5, 0.86), (0.455, 0.855), (0.41, 0.83)),
    *((0.37, 0.78), (0.46, 0.77), (0.5, 0.775), (0.54, 0.77), (0.63, 0.78)),
    *((0.54, 0.80), (0.5, 0.805), (0.46, 0.80)),
)
_LEFT_FOREHEAD = ((0.10, 0.22), (0.13, 0.10), (0.19, 0.0), (0.27, -0.07), (0.35, -0.12), (0.43, -0.145))


def _mirrored(points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    return tuple((1 - x, y) for x, y in reversed(points))


MEAN_FACE: Points = np.array(
    [
        *(*_LEFT_JAW, (0.5, 1.07), *_mirrored(_LEFT_JAW)),
        *(*_LEFT_BROW, *_mirrored(_LEFT_BROW)),
        *_NOSE,
        *(*_LEFT_EYE, *((1 - x, y) for x, y in (*_LEFT_EYE[3::-1], *_LEFT_EYE[:3:-1]))),
        *_MOUTH,
        *(*_LEFT_FOREHEAD, (0.5, -0.15), *_mirrored(_LEFT_FOREHEAD)),
    ]
)
MEAN_FIVE: Points = np.array(
    [
        MEAN_FACE[36:42].mean(axis=0),
        MEAN_FACE[42:48].mean(axis=0),
        MEAN_FACE[30],
        MEAN_FACE[48],
        MEAN_FACE[54],
    ]
)


def affine(source: Points, target: Points) -> Points:
    """Return the least-squares affine map ``(2, 3)`` from points ``(n, 2)`` to others."""
    ones = np.ones((len(source), 1))
    solution, *_ = np.linalg.lstsq(np.hstack([source, ones]), target, rcond=None)
    return np.asarray(solution.T, dtype=np.float64)


def apply(matrix: Points, points: Points) -> Points:
    """Map points ``(n, 2)`` by ``(2, 3)``."""
    mapped: Points = points @ matrix[:, :2].T + matrix[:, 2]
    return mapped


def inverse(matrix: Points) -> Points:
    """Return the inverse ``(2, 3)`` of an affine map."""
    return np.asarray(np.linalg.inv(np.vstack([matrix, (0, 0, 1)]))[:2], dtype=np.float64)


def fit(five: Points) -> Points:
    """Return 81 points ``(81, 2)`` of a face, given its eyes, nose and mouth corners ``(5, 2)``."""
    return apply(affine(MEAN_FIVE, five), MEAN_FACE)


def _polygons(points: Points, shape: str, rng: np.random.Generator) -> list[Points]:
    if shape == "whole":
        return [points]
    if shape == "without_forehead":
        return [points[:68]]
    if shape == "lower":
        return [points[[*range(2, 15), *NOSE[3:]]]]
    if shape == "inner":
        core = points[[*BROWS, *MOUTH]]
        centre = core.mean(axis=0)
        return [centre + (core - centre) * rng.uniform(1.0, 1.25)]
    if shape == "features":
        parts = [points[list(part)] for part in (EYES[:6], EYES[6:], NOSE, MOUTH)]
        grown = [part.mean(axis=0) + (part - part.mean(axis=0)) * rng.uniform(1.3, 2.0) for part in parts]
        kept = [part for part in grown if rng.random() < 0.75]
        return kept or grown
    low, high = points.min(axis=0), points.max(axis=0)
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(0.33, 0.5, 2)
    return [(low + high) / 2 + ring * (high - low)]


def draw(points: Points, shape: str, size: tuple[int, int], rng: np.random.Generator) -> Mask:
    """Fill the convex hulls of one of the `SHAPES` with 1: float32 ``(H, W)``, given ``size = (W, H)``."""
    canvas = Image.new("L", size)
    pen = ImageDraw.Draw(canvas)
    for polygon in _polygons(points, shape, rng):
        outline = polygon[ConvexHull(polygon).vertices]
        pen.polygon([(float(x), float(y)) for x, y in outline], fill=1)
    return np.asarray(canvas, dtype=np.float32)


def deform(mask: Mask, strength: float, rng: np.random.Generator) -> Mask:
    """Displace a mask elastically by about ``strength`` pixels, smoothly over the picture."""
    height, width = mask.shape
    cells = int(rng.integers(4, 11))
    fields = []
    for _ in range(2):
        noise = rng.standard_normal((cells, cells)).astype(np.float32) * strength
        fields.append(np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)))
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    bent: Mask = map_coordinates(mask, [rows + fields[0], columns + fields[1]], order=1, mode="constant")
    return bent


def soften(mask: Mask, inner: float, outer: float) -> Mask:
    """Shrink a mask by a blur of ``inner`` pixels and give it an edge by one of ``outer``; its maximum is 1.

    A mask that vanishes so comes back blurred only.
    """
    eroded = (gaussian_filter(mask, inner) > 0.97).astype(np.float32)
    soft: Mask = gaussian_filter(eroded if eroded.any() else mask, outer)
    return soft / max(float(soft.max()), 1e-6)


def random_mask(five: Points, size: tuple[int, int], rng: np.random.Generator) -> tuple[Mask, str]:
    """Draw one soft mask of a face and the name of its shape.

    Args:
        five: eyes, nose and mouth corners ``(5, 2)`` in pixels.
        size: the picture's ``(W, H)``.
    """
    scale = min(1.0, _MASK_SIDE / max(size))
    small = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    points = fit(five * scale)
    face = float(np.ptp(points[:17, 0]))  # the jaw's width
    shape = str(rng.choice(SHAPES, p=(0.3, 0.3, 0.13, 0.15, 0.07, 0.05)))
    mask = draw(points, shape, small, rng)
    mask = deform(mask, face * rng.uniform(0.0, 0.05), rng)
    mask = soften(mask, face * rng.uniform(0.005, 0.04), face * rng.uniform(0.008, 0.06))
    mask[mask < 0.004] = 0
    grown = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.BILINEAR))
    return np.clip(grown, 0, 1), shape
