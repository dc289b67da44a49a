"""How good is Tiny-LaDeDa on pictures of sources that it never saw?

    python -m detectors.training.cross_validate --data DIR --validation DIR --out DIR

Trains anew for every left-out group of sources and for every left-out generator of the source `sixgen`,
scores what was left out through the detector as it runs in production, and writes ``tiny_ladeda.scores.csv``
(one row per left-out picture and delivery) and ``tiny_ladeda.measured.json`` (the record's ``measured``).

Every picture is cut to the same central square first and scored twice: ``as_is``, and ``jpeg75`` (the square
encoded again at quality 75).
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import multiprocessing
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

import detectors
from detectors.base import Detector, Modality
from detectors.record import Measurement
from detectors.tiny_ladeda import TinyLaDeDa
from detectors.training import dataset, levelling
from detectors.training.dataset import Fold, Item
from detectors.training.measure import measure, trivial_features
from detectors.training.tiny_ladeda import NOT_TRAINED_ON, Settings, level_all, train

NAME = "tiny_ladeda"
DELIVERIES = ("as_is", "jpeg75")
COLUMNS = ("item", "modality", "source", "generator", "label", "delivery", "score")
SIDE = 256

# Sources of one class are left out together with sources that have the other one, and so that phone cameras
# and recent generators are spread over the folds. A source in no group has both classes: a fold of its own.
GROUPS = (
    ("faces_stylegan", "exif_samples"),
    ("portraits_tpdne", "mde_cameras", "faces_real_only"),
    ("quiz_kurlyto", "kurlyto_painting", "kurlyto_gansites", "photos_real_only"),
    (
        *("quiz_kaivalya", "quiz_skvarcaleks", "quiz_seegma_faces"),
        *("midjourney_amirai", "sd15_supagruen", "clothing_small", "phone_k1monfared_png"),
    ),
    ("gptimg_songguoxs", "nano_banana", "phone_hahahua", "gallerydeluxe_bep", "dogcat"),
)
GENERATOR_SOURCE = "sixgen"


def group_of(source: str) -> tuple[str, ...]:
    """Return the sources that a source is left out with; one in no group is left out alone."""
    return next((group for group in GROUPS if source in group), (source,))


@dataclass(frozen=True, slots=True)
class Scored:
    """One picture's scores in [0, 1], in the order of `DELIVERIES`."""

    item: Item
    scores: tuple[float, ...]


def score(detector: Detector, items: Iterable[Item], side: int = SIDE) -> list[Scored]:
    """Score the common centre crop of each picture in each delivery."""
    scored = []
    for item in items:
        crop = levelling.centre_crop(dataset.read(item.path), side)
        views = [torch.from_numpy(np.array(image))[None] for image in (crop, levelling.jpeg(crop, 75))]
        scored.append(Scored(item, tuple(detector.detect(view).score for view in views)))
    return scored


@dataclass(frozen=True, slots=True)
class _Job:
    """One fold for a worker process; ``crops`` is an .npy file with the levelled pictures of all items."""

    items: Sequence[Item]
    crops: Path
    fold: Fold
    settings: Settings
    seed: int


def _run(job: _Job) -> list[Scored]:
    torch.set_num_threads(1)
    chosen = [i for i in job.fold.train if job.items[i].source not in NOT_TRAINED_ON]
    crops = torch.from_numpy(np.load(job.crops, mmap_mode="r")[chosen])
    network, _ = train([job.items[i] for i in chosen], crops, job.settings, job.seed)
    detector = TinyLaDeDa(network, detectors.record(NAME))
    return score(detector, [job.items[i] for i in job.fold.test])


def cross_validate(
    items: Sequence[Item], folds: Sequence[Fold], settings: Settings, seed: int, workers: int
) -> list[list[Scored]]:
    """Train and score each fold in its own process; results in the order of the folds."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(workers, context) as executor:
        path = Path(folder) / "crops.npy"
        np.save(path, level_all(items, settings, seed, workers).numpy())
        jobs = [_Job(items, path, fold, settings, seed) for fold in folds]
        return list(track(executor.map(_run, jobs), "folds", total=len(jobs)))


def measurements(protocol: str, scored: Sequence[Scored], date: str) -> list[Measurement]:
    """Measure each delivery; nothing where one class is missing."""
    if len({row.item.label for row in scored}) < 2:
        return []
    labels = [row.item.label for row in scored]
    return [
        found
        for n, delivery in enumerate(DELIVERIES)
        for found in measure(
            f"{protocol}; {delivery}", Modality.IMAGE, labels, [row.scores[n] for row in scored], date
        )
    ]


def write_scores(scored: Iterable[Scored], path: Path) -> None:
    """Write one CSV row per picture and delivery."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in scored:
            item = row.item
            for delivery, value in zip(DELIVERIES, row.scores, strict=True):
                writer.writerow(
                    (
                        item.key,
                        Modality.IMAGE,
                        item.source,
                        item.generator,
                        item.label,
                        delivery,
                        f"{value:.6f}",
                    )
                )


def run(
    data: Path, validation: Path | None, out: Path, *, seed: int = 0, workers: int = 2
) -> list[Measurement]:
    """Carry out the whole protocol, write both files into `out`, and return the measurements.

    Raises:
        ValueError: unusable data; the message names the file or what is missing.
    """
    torch.set_num_threads(1)
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    items = dataset.scan(data)
    by_source = dataset.source_folds(items, GROUPS)
    by_generator = dataset.generator_folds(items, GENERATOR_SOURCE)
    results = cross_validate(items, [*by_source, *by_generator], Settings(), seed, workers)
    left_sources = [row for result in results[: len(by_source)] for row in result]
    left_generators = [row for result in results[len(by_source) :] for row in result]

    found = measurements("left-out sources, all pooled", left_sources, date)
    found += measurements(f"left-out generators of {GENERATOR_SOURCE}, all pooled", left_generators, date)
    for fold, result in zip(by_source, results, strict=False):
        found += measurements(f"left-out sources {fold.name}", result, date)
    if validation:
        found += _cross_sets(validation, date)
    out.mkdir(parents=True, exist_ok=True)
    write_scores(left_sources, out / f"{NAME}.scores.csv")
    text = json.dumps([entry.model_dump(mode="json") for entry in found], indent=1)
    (out / f"{NAME}.measured.json").write_text(f"{text}\n", "utf-8")
    return found


def _cross_sets(folder: Path, date: str) -> list[Measurement]:
    """Measure the shipped weights on sets of another kind than anything trained on."""
    detector = detectors.create(NAME)
    found = []
    for path in sorted(entry for entry in folder.iterdir() if entry.is_dir()):
        items = dataset.scan(path, min_side=64)
        # The smallest pictures of a set decide the common crop, but one stray thumbnail must not.
        side = int(min(SIDE, np.percentile([item.min_side for item in items], 5)))
        kept = [item for item in items if item.min_side >= side]
        found += measurements(f"cross-set {path.name}", score(detector, kept, side), date)
    return found


def main() -> None:
    """Run the protocol from the command line and print what it found."""
    parser = argparse.ArgumentParser(prog="python -m detectors.training.cross_validate")
    parser.add_argument("--data", type=Path, required=True, help="DIR/<source>/{real,fake}/<pictures>")
    parser.add_argument("--validation", type=Path, help="sets never trained on, laid out alike")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    console = Console()
    try:
        found = run(
            arguments.data,
            arguments.validation,
            arguments.out,
            seed=arguments.seed,
            workers=arguments.workers,
        )
        trivial = trivial_features(dataset.scan(arguments.data), SIDE)
    except ValueError as error:
        parser.error(str(error))
    for entry in found:
        line = f"{entry.protocol}: {entry.metric} {entry.value} [{entry.low}, {entry.high}]"
        console.print(line, markup=False)
    console.print("features that know nothing of generators, AUC either way round:", trivial)


if __name__ == "__main__":
    main()
