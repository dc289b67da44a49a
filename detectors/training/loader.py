"""Batches that are a function of the seed and the step alone.

No generator is carried from step to step: each draw has a generator of its own, seeded by (seed, step, place
in the batch). So a training that goes on after a break sees the same examples, augmented in the same way, as
one that never stopped, whatever the number of worker processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from detectors.training.recipe import Batch, Examples

_ORDER, _AUGMENTATION, _TORCH = range(3)


class Order:
    """Which example comes where: every one once an epoch, shuffled anew, or drawn by weights.

    Args:
        count: how many examples there are.
        batch: of one step.
        weights: probabilities ``(count,)`` to draw by, instead of going through all of them.
    """

    def __init__(self, count: int, batch: int, seed: int, weights: NDArray[np.float64] | None = None) -> None:
        self._count, self._batch, self._seed = count, batch, seed
        self._cumulated = None if weights is None else np.cumsum(weights) / np.sum(weights)
        self._shuffled = lru_cache(maxsize=2)(self._shuffle)

    def step(self, step: int) -> list[int]:
        """Return the indices of a step's batch; epochs follow each other without a gap."""
        if self._cumulated is not None:
            drawn = np.random.default_rng([self._seed, _ORDER, step]).random(self._batch)
            return [int(n) for n in np.searchsorted(self._cumulated, drawn, side="right")]
        first = step * self._batch
        places = (divmod(place, self._count) for place in range(first, first + self._batch))
        return [int(self._shuffled(epoch)[place]) for epoch, place in places]

    def _shuffle(self, epoch: int) -> NDArray[np.int64]:
        return np.random.default_rng([self._seed, _ORDER, epoch]).permutation(self._count)


def torch_seed(seed: int, step: int, rank: int) -> int:
    """Return what torch's generators are seeded by before a step: dropout and noise repeat, too."""
    return int(np.random.SeedSequence([seed, _TORCH, step, rank]).generate_state(1)[0])


class _Drawn(Dataset[Batch]):
    """Examples by (step, place in the batch, index); without a seed as they are, by (0, 0, index)."""

    def __init__(self, examples: Examples, seed: int | None) -> None:
        self._examples, self._seed = examples, seed

    def __getitem__(self, draw: tuple[int, int, int]) -> Batch:
        step, place, index = draw
        if self._seed is None:
            return self._examples.get(index, None)
        return self._examples.get(index, np.random.default_rng([self._seed, _AUGMENTATION, step, place]))


class _Steps:
    """The draws of each step from one to another, this process's share of them."""

    def __init__(self, order: Order, steps: range, rank: int, world: int) -> None:
        self._order, self._steps, self._rank, self._world = order, steps, rank, world

    def __iter__(self) -> Iterator[list[tuple[int, int, int]]]:
        for step in self._steps:
            draws = [(step, place, index) for place, index in enumerate(self._order.step(step))]
            yield draws[self._rank :: self._world]

    def __len__(self) -> int:
        return len(self._steps)


def training_batches(
    examples: Examples,
    order: Order,
    steps: range,
    seed: int,
    *,
    rank: int = 0,
    world: int = 1,
    workers: int = 0,
) -> DataLoader[Batch]:
    """Return a loader of one batch per step, of the share of one of several processes."""
    return _loader(_Drawn(examples, seed), _Steps(order, steps, rank, world), workers)


def validation_batches(examples: Examples, batch: int, workers: int = 0) -> DataLoader[Batch]:
    """Return a loader of all examples in order, nothing random."""
    draws = [(0, 0, index) for index in range(len(examples))]
    parts = [draws[first : first + batch] for first in range(0, len(draws), batch)]
    return _loader(_Drawn(examples, None), parts, workers)


def _loader(
    drawn: _Drawn, batches: _Steps | Sequence[Sequence[tuple[int, int, int]]], workers: int
) -> DataLoader[Batch]:
    return DataLoader(
        drawn,
        batch_sampler=batches,  # type: ignore[arg-type]  # typed for integers; any index will do
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        # Its own generator: the loader would take a number from torch's, which belongs to the step.
        generator=torch.Generator().manual_seed(0),
    )
