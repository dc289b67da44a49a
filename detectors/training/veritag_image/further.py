"""Score pictures beyond those that are learned from, each by a head that never saw its source.

    python -m detectors.training.veritag_image.further --data DIR --out DIR --seed 1 --media DIR --made DIR

``--made`` holds fakes that `veritag generate` made of the real pictures of sources: they are left out with
their source. ``--media`` holds sources that are never trained on. ``OUT`` is that of the training, whose kept
statistics are taken. The rows are added to ``OUT/veritag_image.scores.csv``, in place of earlier ones of the
same pictures.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from detectors.errors import WeightsError
from detectors.training import dataset
from detectors.training.cross_validate import COLUMNS, DELIVERIES, Scored, group_of, write_scores
from detectors.training.dataset import Item
from detectors.training.veritag_image import cross_validation, samples
from detectors.training.veritag_image.__main__ import NAME, VARIANTS
from detectors.training.veritag_image.head import Settings, fit
from detectors.training.veritag_image.samples import Described


def score(
    items: Sequence[Item], described: Sequence[Described], own: Sequence[Item], figures: Sequence[Described]
) -> list[Scored]:
    """Score pictures ``own`` by heads that learn from ``items`` without the group that holds their source."""
    found: list[Scored] = []
    for group in sorted({group_of(item.source) for item in own}):
        rest = [n for n, item in enumerate(items) if item.source not in group]
        network = fit([items[n] for n in rest], [described[n] for n in rest], Settings())
        mine = [n for n, item in enumerate(own) if group_of(item.source) == group]
        found += cross_validation.score(network, [own[n] for n in mine], [figures[n] for n in mine])
    return found


def collect(media: Sequence[Path], made: Sequence[Path], known: Sequence[Item]) -> list[Item]:
    """List the pictures of ``media``, and the fakes of ``made`` with its name as their generator.

    Raises:
        ValueError: see `dataset.scan`; or a picture that is learned from.
    """
    found = [item for folder in media for item in dataset.scan(folder)]
    for folder in made:
        generator = folder.resolve().name
        found += [replace(item, generator=generator) for item in dataset.scan(folder) if item.label]
    learned = {item.key for item in known}
    if twice := [item.path.name for item in found if item.key in learned]:
        raise ValueError(f"{twice[0]} is among the pictures that are learned from; name other folders")
    return list({item.key: item for item in found}.values())


def add_scores(scored: Sequence[Scored], path: Path) -> None:
    """Add rows to a table of scores, in place of those of the same pictures."""
    more = path.with_suffix(".partial")
    write_scores(scored, more)
    keys = {row.item.key for row in scored}
    with path.open(encoding="utf-8", newline="") as file:
        kept = [row for row in csv.DictReader(file) if row["item"] not in keys]
    with more.open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, COLUMNS, lineterminator="\n").writerows(kept)
    more.replace(path)


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog="python -m detectors.training.veritag_image.further")
    add = parser.add_argument
    add("--data", type=Path, required=True, help="what is learned from, DIR/<source>/{real,fake}/<pictures>")
    add("--out", type=Path, required=True, help=f"the training's folder, with {NAME}.scores.csv")
    add("--seed", type=int, default=1, help="of the training's laundering (default: 1, as shipped)")
    add("--media", type=Path, nargs="*", default=[], metavar="DIR", help="sources that are never trained on")
    add("--made", type=Path, nargs="*", default=[], metavar="DIR", help="as `veritag generate` left it")
    add("--workers", type=int, default=1)
    arguments = parser.parse_args()
    console = Console()
    try:
        items = dataset.scan(arguments.data)
        own = collect(arguments.media, arguments.made, items)
        with Progress(console=console) as progress:
            described, figures = (
                samples.describe_all(
                    pictures,
                    arguments.out / "statistics",
                    variants=variants,
                    seed=arguments.seed,
                    workers=arguments.workers,
                    progress=progress,
                )
                for pictures, variants in ((items, VARIANTS), (own, 0))
            )
        add_scores(score(items, described, own, figures), arguments.out / f"{NAME}.scores.csv")
    except (ValueError, WeightsError, OSError) as error:
        parser.error(str(error))
    console.print(f"{len(own)} pictures scored, each {' and '.join(DELIVERIES)}")


if __name__ == "__main__":
    main()
