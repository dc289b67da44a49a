"""What the head learns from: figures of laundered crops of every picture, kept on disk as they are made.

Files betray their collection by size, format and compression. Every crop of either class therefore goes
through the same random scaling and encoding first.
"""

from __future__ import annotations

import functools
import io
import multiprocessing
import os
import zipfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.progress import Progress

import detectors
from detectors.training import dataset, levelling
from detectors.training.dataset import Item
from detectors.veritag_image import Describer

SIDE = 208
CROP = 256
QUALITY = 75
_FILTERS = (
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
    Image.Resampling.BOX,
    Image.Resampling.HAMMING,
)


@dataclass(frozen=True, slots=True)
class Described:
    """Figures of one picture, float32, one row per crop.

    ``laundered`` ``(variants, D)``, and ``scored`` ``(2, D)``: the central 256 pixels as they are and encoded
    again at JPEG quality 75.
    """

    laundered: NDArray[np.float32]
    scored: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Job:
    item: Item
    variants: int
    seed: int
    cache: Path

    @property
    def result(self) -> Path:
        return self.cache / f"{self.item.key}-{self.seed}-{self.variants}.npz"


def launder(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Scale a 256-pixel square by 0.81 to 1.3 half of the time, and encode it.

    One in eight becomes WebP of quality 60 to 95, the others JPEG of quality 60 to 98 with 4:2:0 (three in
    five), 4:4:4 or 4:2:2; then a random square of `SIDE` pixels is cut out.
    """
    if rng.random() < 0.5:
        size = int(rng.integers(SIDE, 333))
        image = image.resize((size, size), _FILTERS[rng.integers(len(_FILTERS))])
    if rng.random() < 0.12:
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=int(rng.integers(60, 96)))
        buffer.seek(0)
        with Image.open(buffer) as decoded:
            image = decoded.convert("RGB")
    else:
        quality = int(rng.integers(60, 99))
        subsampling = int(rng.choice(levelling.SUBSAMPLINGS, p=(0.3, 0.1, 0.6)))
        image = levelling.jpeg(image, quality, subsampling)
    return levelling.random_crop(image, SIDE, rng)


def deliveries(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Return a picture's central 256 pixels as they are, and encoded again at JPEG quality 75."""
    square = levelling.centre_crop(image, CROP)
    return square, levelling.jpeg(square, QUALITY)


@functools.cache
def _describer() -> Describer:
    """One for each process: it holds two networks."""
    return Describer(detectors.record("veritag_image"))


def describe(images: Sequence[Image.Image]) -> NDArray[np.float32]:
    """Return the figures of crops of one size, ``(len(images), D)``.

    Raises:
        WeightsError: see `Describer`.
    """
    crops = torch.stack([torch.from_numpy(np.array(image)) for image in images])
    return _describer().describe(crops).numpy()


def _make(job: _Job) -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng([job.seed, int(job.item.key, 16)])
    image = dataset.read(job.item.path)
    laundered = [launder(levelling.random_crop(image, CROP, rng), rng) for _ in range(job.variants)]
    scored = describe(deliveries(image))
    partial = job.result.with_suffix(f".{os.getpid()}.part")
    with partial.open("wb") as file:
        np.savez(file, laundered=describe(laundered) if laundered else scored[:0], scored=scored)
    partial.replace(job.result)


def describe_all(
    items: Sequence[Item],
    cache: Path,
    *,
    variants: int,
    seed: int,
    workers: int,
    progress: Progress | None = None,
) -> list[Described]:
    """Describe every picture, in processes of their own; what an earlier run has left in `cache` is taken.

    The draws for a picture depend on the seed and its content only.

    Raises:
        ValueError: a picture or a kept file is damaged; the message names it.
        WeightsError: see `Describer`.
    """
    cache.mkdir(parents=True, exist_ok=True)
    jobs = [_Job(item, variants, seed, cache) for item in items]
    missing = [job for job in jobs if not job.result.is_file()]
    task = progress.add_task(f"describing {len(jobs)} pictures", total=len(missing)) if progress else None
    if missing:
        _describer()  # weights that are not there are missed here, in one line, not in every process
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as executor:
            for _ in executor.map(_make, missing, chunksize=4):
                if progress and task is not None:
                    progress.update(task, advance=1)
    return [_read(job.result) for job in jobs]


def _read(path: Path) -> Described:
    try:
        with np.load(path) as file:
            return Described(file["laundered"], file["scored"])
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged ({error}); remove it and train again") from error
