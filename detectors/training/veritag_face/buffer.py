"""Pairs made ahead of time: workers make numbered chunks while the network learns from earlier ones.

A chunk depends on the seed and its number only, so a run that is taken up again, or has more workers, sees
the same pairs in the same order.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.generation.self_blending import Face
from detectors.training.veritag_face.pairs import FaceCoder, Sources

_AHEAD = 4
_NICENESS = 5
_sources: Sources | None = None  # of a worker process


@dataclass(frozen=True, slots=True)
class Chunk:
    """Pairs: uint8 ``(n, 112, 112, 3)`` twice, and float32 masks ``(n, 14, 14)``."""

    real: NDArray[np.uint8]
    fake: NDArray[np.uint8]
    mask: NDArray[np.float32]


def make(sources: Sources, seed: int, number: int, size: int, hardness: float) -> Chunk:
    """Make one chunk."""
    rng = np.random.default_rng([seed, number])
    pairs = [sources.draw(rng, hardness) for _ in range(size)]
    return Chunk(*(np.stack(part) for part in zip(*((p.real, p.fake, p.mask) for p in pairs), strict=True)))


def _prepare(faces: list[Face]) -> None:
    global _sources
    os.nice(_NICENESS)
    _sources = Sources(faces, FaceCoder(faces))


def _made(seed: int, number: int, size: int, hardness: float) -> Chunk:
    assert _sources is not None
    return make(_sources, seed, number, size, hardness)


def chunks(
    faces: Sequence[Face],
    seed: int,
    hardness: Sequence[float],
    size: int,
    *,
    first: int = 0,
    workers: int = 1,
) -> Generator[Chunk, None, None]:
    """Make chunks ``first`` to ``len(hardness) - 1``, in order; close it to end the workers.

    Args:
        hardness: of each chunk, see `Sources.draw`.
        size: pairs per chunk.
        workers: processes; 0 makes each chunk in this one when it is asked for.
    """
    jobs = [(seed, number, size, hardness[number]) for number in range(first, len(hardness))]
    if not workers:
        sources = Sources(list(faces), FaceCoder(list(faces)))
        yield from (make(sources, *job) for job in jobs)
        return
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(workers, context, _prepare, (list(faces),))
    waiting: deque[Future[Chunk]] = deque()
    try:
        for job in jobs:
            waiting.append(executor.submit(_made, *job))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        executor.shutdown(cancel_futures=True)
