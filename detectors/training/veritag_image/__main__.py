"""Make the image detector's weights again, and measure them.

    python -m detectors.training.veritag_image --data DIR --out DIR --seed 1 [--cross-validate]

Describing the pictures takes nearly all of the time; what is done is kept in ``OUT/statistics``, and a run
that was cut off goes on there. ``--cross-validate`` also writes ``veritag_image.scores.csv`` (scores out of
fold) and ``veritag_image.measured.json`` (the record's ``measured``).
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from safetensors.torch import save_file

from detectors.errors import WeightsError
from detectors.record import Measurement
from detectors.training import dataset
from detectors.training.cross_validate import measurements, write_scores
from detectors.training.dataset import Item
from detectors.training.measure import trivial_features
from detectors.training.veritag_image import cross_validation, samples
from detectors.training.veritag_image.head import Settings, fit
from detectors.training.veritag_image.samples import Described

NAME = "veritag_image"
VARIANTS = 6


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m detectors.training.veritag_image")
    add = parser.add_argument
    add("--data", type=Path, required=True, help="DIR/<source>/{real,fake}/<pictures>")
    add("--out", type=Path, required=True, help=f"folder for {NAME}.safetensors and what is kept")
    add("--seed", type=int, default=1, help="of the laundering (default: 1, as shipped)")
    add("--variants", type=int, default=VARIANTS, help="laundered crops of each picture, two or more")
    add("--workers", type=int, default=2)
    add("--resume", action="store_true", help="go on with a run that was cut off; it always does")
    add("--cross-validate", action="store_true", help="also score everything by heads that never saw it")
    add("--validation", type=Path, help="sets never trained on, DIR/<set>/{real,fake}/<pictures>")
    add("--tiny-ladeda", type=Path, metavar="FILE", help="published WildRF weights, to compare with")
    return parser


def main() -> None:
    """Train, and if asked to measure, from the command line."""
    parser = _parser()
    arguments = parser.parse_args()
    if arguments.variants < 2:
        parser.error("--variants must be 2 or more: what laundering changes is learned from pairs")
    console = Console()
    try:
        with Progress(console=console) as progress:
            items = dataset.scan(arguments.data)
            described = samples.describe_all(
                items,
                arguments.out / "statistics",
                variants=arguments.variants,
                seed=arguments.seed,
                workers=arguments.workers,
                progress=progress,
            )
            network = fit(items, described, Settings())
            path = arguments.out / f"{NAME}.safetensors"
            save_file(network.state_dict(), path)
            found = _measure(arguments, items, described, progress) if arguments.cross_validate else []
            if arguments.validation:
                found += _cross_sets(arguments, items, described, progress)
    except (ValueError, WeightsError) as error:
        parser.error(str(error))
    if found:
        text = json.dumps([entry.model_dump(mode="json") for entry in found], indent=1)
        (arguments.out / f"{NAME}.measured.json").write_text(f"{text}\n", "utf-8")
    for entry in found:
        line = f"{entry.protocol}: {entry.metric} {entry.value} [{entry.low}, {entry.high}]"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if arguments.cross_validate:
        trivial = trivial_features(items, samples.CROP)
        console.print("features that know nothing of generators, AUC either way round:", trivial)
    console.print(f"{path} sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}", soft_wrap=True)


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def _measure(
    arguments: argparse.Namespace, items: Sequence[Item], described: Sequence[Described], progress: Progress
) -> list[Measurement]:
    sources, generators = cross_validation.folds(items)
    task = progress.add_task("folds", total=len(sources) + len(generators))

    def tick() -> None:
        progress.update(task, advance=1)

    by_source = cross_validation.left_out(items, described, sources, Settings(), tick)
    by_generator = cross_validation.left_out(items, described, generators, Settings(), tick)
    pool = [row for rows in by_source for row in rows]
    write_scores(pool, arguments.out / f"{NAME}.scores.csv")
    found = cross_validation.report(items, by_source, by_generator, _today())
    if arguments.tiny_ladeda:
        other = cross_validation.tiny_ladeda_scores(items, arguments.tiny_ladeda)
        name = "Tiny-LaDeDa (WildRF weights)"
        found += cross_validation.compare("left-out sources", pool, other, name, _today())
    return found


def _cross_sets(
    arguments: argparse.Namespace, items: Sequence[Item], described: Sequence[Described], progress: Progress
) -> list[Measurement]:
    """Measure the head of all training pictures on sets of another kind, if of 256 pixels and more."""
    network = fit(items, described, Settings())
    found = []
    for folder in sorted(entry for entry in arguments.validation.iterdir() if entry.is_dir()):
        try:
            own = dataset.scan(folder)
        except ValueError:
            progress.console.print(f"{folder.name}: too few pictures of {dataset.MIN_SIDE} px")
            continue
        figures = samples.describe_all(
            own, arguments.out / "statistics", variants=0, seed=arguments.seed, workers=arguments.workers
        )
        scored = cross_validation.score(network, own, figures)
        found += measurements(f"cross-set {folder.name}", scored, _today())
    return found


if __name__ == "__main__":
    main()
