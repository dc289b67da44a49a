"""Filling a hole with patches of the rest of the picture.

Coarse to fine, the hole's patches look for their likes outside and vote for its pixels (Wexler et al., 2007,
doi:10.1109/TPAMI.2007.60); the likes are found by PatchMatch's propagation and random search (Barnes et al.,
2009, doi:10.1145/1531326.1531330), all patches at once instead of one after the other.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from detectors.errors import Unsuitable

PATCH = 7
COARSEST = 28
_STEPS = ((0, 1), (0, -1), (1, 0), (-1, 0))

Floats = NDArray[np.float32]
Places = NDArray[np.int64]  # (2, patches): top and left of each patch
Hole = NDArray[np.bool_]


def fill(picture: Floats, hole: Hole, rng: np.random.Generator, *, rounds: int = 3) -> Floats:
    """Fill a hole.

    Args:
        picture: float32 ``(H, W, 3)``; what is in the hole does not matter.
        hole: bool ``(H, W)``.
        rounds: of search and vote on each level; the finest has one less.

    Returns:
        The picture with the hole filled, unchanged elsewhere.

    Raises:
        Unsuitable: no patch of the picture lies wholly outside of the hole.
    """
    sizes = [(hole.shape[1], hole.shape[0])]
    while min(sizes[-1]) // 2 >= COARSEST:
        sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
    filled, found = None, None
    for level, (width, height) in reversed(list(enumerate(sizes))):
        scaled, gap = _scale(picture, hole, width, height) if level else (picture, hole)
        if filled is None:
            filled = _smooth_fill(scaled, gap)
        else:
            guess, _ = _scale(filled, gap, width, height)
            filled = np.where(gap[..., None], guess, scaled)
        search = _Search(gap, rng, found)
        for _ in range(max(1, rounds - (level == 0))):
            search.look(filled)
            filled = search.vote(filled)
        found = search.map()
    assert filled is not None
    return filled


def _scale(picture: Floats, hole: Hole, width: int, height: int) -> tuple[Floats, Hole]:
    layers = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(layer)).resize((width, height), Image.Resampling.BILINEAR)
        )
        for layer in (*np.moveaxis(picture, -1, 0), hole.astype(np.float32))
    ]
    return np.stack(layers[:3], axis=-1), layers[3] > 0


def _smooth_fill(picture: Floats, hole: Hole) -> Floats:
    nearest = ndimage.distance_transform_edt(hole, return_distances=False, return_indices=True)
    copied = picture[tuple(nearest)]
    blurred = ndimage.gaussian_filter(copied, (3, 3, 0))
    smooth: Floats = np.where(hole[..., None], blurred, picture)
    return smooth


class _Search:
    """The patches that touch the hole, and for each the likest patch outside that was found so far."""

    def __init__(self, hole: Hole, rng: np.random.Generator, coarser: Places | None) -> None:
        touching: Hole = np.asarray(sliding_window_view(hole, (PATCH, PATCH)).any(axis=(2, 3)))
        self._allowed = ~touching
        if not self._allowed.any():
            raise Unsuitable("the hole leaves no whole patch of the picture to fill it with")
        self._hole, self._rng = hole, rng
        self._targets: Places = np.array(np.nonzero(touching))
        self._number = np.full(touching.shape, -1)
        self._number[touching] = np.arange(self._targets.shape[1])
        outside = np.array(np.nonzero(self._allowed))
        self._best: Places = outside[:, rng.integers(outside.shape[1], size=self._targets.shape[1])]
        self._fresh = coarser is None
        if coarser is not None:
            half = (self._targets // 2).clip(0, np.array(coarser.shape[1:])[:, None] - 1)
            guess = self._inside(2 * coarser[:, half[0], half[1]] + self._targets % 2)
            known = self._allowed[guess[0], guess[1]] & (coarser[0, half[0], half[1]] >= 0)
            self._best = np.where(known, guess, self._best)

    def _inside(self, places: Places) -> Places:
        return places.clip(0, np.array(self._allowed.shape)[:, None] - 1)

    def look(self, picture: Floats, sweeps: int = 3) -> None:
        """Propagate neighbours' finds and try random places around one's own, nearer and nearer."""
        patches = sliding_window_view(picture, (PATCH, PATCH), axis=(0, 1))
        wanted = patches[self._targets[0], self._targets[1]]
        self._cost = self._costs(patches, wanted, self._best)
        reach = max(self._allowed.shape) if self._fresh else 16
        radii = [reach >> n for n in range(12) if reach >> n]
        for _ in range(sweeps):
            for step in _STEPS:
                self._keep(patches, wanted, self._neighbours(step))
            for radius in radii:
                leap = self._rng.integers(-radius, radius + 1, self._best.shape)
                self._keep(patches, wanted, self._inside(self._best + leap))
        self._fresh = False

    def _neighbours(self, step: tuple[int, int]) -> Places:
        shift = np.array(step)[:, None]
        number = self._number[tuple(self._inside(self._targets + shift))]
        moved = self._inside(self._best[:, number] - shift)
        return np.where(number >= 0, moved, self._best)

    def _costs(self, patches: Floats, wanted: Floats, places: Places) -> Floats:
        difference = patches[places[0], places[1]] - wanted
        cost: Floats = np.einsum("ncij,ncij->n", difference, difference)
        cost[~self._allowed[places[0], places[1]]] = np.inf
        return cost

    def _keep(self, patches: Floats, wanted: Floats, places: Places) -> None:
        cost = self._costs(patches, wanted, places)
        better = cost < self._cost
        self._best = np.where(better, places, self._best)
        self._cost = np.where(better, cost, self._cost)

    def vote(self, picture: Floats) -> Floats:
        """Every pixel of the hole becomes the mean of what the finds of its patches say, likest first."""
        patches = sliding_window_view(picture, (PATCH, PATCH), axis=(0, 1))
        said = patches[self._best[0], self._best[1]]
        scale = max(float(np.percentile(self._cost, 75)), 1.0)
        weight = np.exp(-self._cost / (2 * scale))[:, None, None] + np.float32(1e-6)
        width = picture.shape[1]
        rows = self._targets[0][:, None, None] + np.arange(PATCH)[:, None]
        places = (rows * width + self._targets[1][:, None, None] + np.arange(PATCH)).ravel()
        weights = np.broadcast_to(weight, said[:, 0].shape)
        total = np.bincount(places, weights.ravel(), self._hole.size)
        layers = [
            np.bincount(places, (said[:, channel] * weights).ravel(), self._hole.size) for channel in range(3)
        ]
        mean = (np.stack(layers, axis=-1) / np.maximum(total, 1e-12)[:, None]).reshape(picture.shape)
        voted: Floats = np.where(self._hole[..., None], mean.astype(np.float32), picture)
        return voted

    def map(self) -> Places:
        """The finds as ``(2, H', W')`` over all patches; -1 where a patch does not touch the hole."""
        whole = np.full((2, *self._allowed.shape), -1)
        whole[:, self._targets[0], self._targets[1]] = self._best
        return whole
