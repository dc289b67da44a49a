"""Inpaintings: something is taken out of a real picture and the place filled from around it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse import linalg

from detectors.generation import patchmatch
from detectors.generation.base import Description, Mask, PictureFake, Pixels
from detectors.generation.masks import random_mask
from detectors.generation.splicing import noise_level

AREA = (0.01, 0.12)
MOST_PIXELS = 24_000  # larger holes would take minutes

Floats = NDArray[np.float32]
Filler = Callable[[Floats, NDArray[np.bool_], np.random.Generator], Floats]


def inpaint_patches(real: Pixels, rng: np.random.Generator) -> PictureFake:
    """Fill by patches of the same picture, as content-aware tools do; see `patchmatch`.

    Raises:
        Unsuitable: the picture is too small.
    """
    return _inpaint(real, rng, patchmatch.fill, {"filler": "patches", "patch": patchmatch.PATCH})


def inpaint_diffusion(real: Pixels, rng: np.random.Generator) -> PictureFake:
    """Fill by heat flow from the edge (Laplace's equation), half of the time with grain of the same strength.

    The smooth end of retouching: spots and logos removed (the idea is that of Bertalmio et al., 2000,
    doi:10.1145/344779.344972; the equation here is the linear one).

    Raises:
        Unsuitable: the picture is too small.
    """
    grain = bool(rng.random() < 0.5)

    def filler(picture: Floats, hole: NDArray[np.bool_], rng: np.random.Generator) -> Floats:
        filled = harmonic(picture, hole)
        if grain:
            ring = ndimage.binary_dilation(hole, iterations=8) & ~hole
            filled[hole] += rng.normal(0, noise_level(picture, ring.astype(np.float32)), (int(hole.sum()), 3))
        return filled

    return _inpaint(real, rng, filler, {"filler": "diffusion", "grain": grain})


def _inpaint(real: Pixels, rng: np.random.Generator, filler: Filler, description: Description) -> PictureFake:
    pixels = real.shape[0] * real.shape[1]
    most = min(AREA[1], MOST_PIXELS / pixels)
    mask, drawn = random_mask(real, rng, (min(AREA[0], most / 2), most))
    hole = mask > 0
    rows, columns = (slice(*ends) for ends in _window(mask))
    picture = real[rows, columns].astype(np.float32)
    filled = filler(picture, hole[rows, columns], rng)
    alpha = mask[rows, columns, None]
    fake = real.copy()
    fake[rows, columns] = (alpha * filled + (1 - alpha) * picture).round().clip(0, 255)
    return PictureFake(fake, mask, {"mask": drawn, **description})


def _window(mask: Mask) -> tuple[tuple[int, int], tuple[int, int]]:
    """The hole with as much around it as it is wide: what is farther away would not be asked."""
    ends = []
    for axis, size in ((1, mask.shape[0]), (0, mask.shape[1])):
        touched = np.flatnonzero(mask.any(axis=axis))
        margin = max(48, int(touched[-1] - touched[0]))
        ends.append((max(0, int(touched[0]) - margin), min(size, int(touched[-1]) + 1 + margin)))
    return ends[0], ends[1]


def harmonic(picture: Floats, hole: NDArray[np.bool_]) -> Floats:
    """Fill a hole so that every pixel in it is the mean of its four neighbours (those in the picture).

    Args:
        picture: float32 ``(H, W, 3)``.
        hole: bool ``(H, W)``, not the whole picture.
    """
    number = np.full(hole.shape, -1)
    unknown = int(hole.sum())
    number[hole] = np.arange(unknown)
    degree = np.zeros(unknown)
    known = np.zeros((unknown, 3))
    pairs: list[NDArray[np.int64]] = []
    for axis, shift in ((0, 1), (0, -1), (1, 1), (1, -1)):
        neighbour = np.roll(number, shift, axis)[hole]
        value = np.roll(picture, shift, axis)[hole]
        inside = np.ones(hole.shape, np.bool_)
        np.moveaxis(inside, axis, 0)[0 if shift == 1 else -1] = False
        there = inside[hole]
        degree += there
        known += value * (there & (neighbour < 0))[:, None]
        joined = there & (neighbour >= 0)
        pairs.append(np.stack([np.flatnonzero(joined), neighbour[joined]]))
    rows, columns = np.concatenate(pairs, axis=1)
    adjacency = sparse.csc_matrix((np.ones(len(rows)), (rows, columns)), shape=(unknown, unknown))
    solve = linalg.factorized(sparse.diags(degree, format="csc") - adjacency)
    filled = picture.copy()
    filled[hole] = np.stack([solve(known[:, channel]) for channel in range(3)], axis=-1)
    return filled
