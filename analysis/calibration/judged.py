"""`python -m analysis.calibration.judged NAME --media DIR ... --out CSV`: score media through the engine.

Media are scored as they are and encoded again at JPEG quality 75, as the product scores them, and become one
table as `scores.read_scores` takes it. Each medium is scored by weights that never saw its source, nor one of
the same group (`detectors.training.cross_validate.GROUPS`): by those that ship, else by those of a fold
(``--folds``, as ``--cross-validate`` of the detector's training leaves them). What all weights know is passed
over, and so are media that the detector declines.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from analysis.calibration.scores import COLUMNS
from analysis.engine import EmbeddedAnalyzer
from analysis.ensemble.calibrated import CalibratedPolicy
from analysis.ensemble.panels import EnsembleCalibration
from analysis.errors import AnalysisError, ConfigurationError
from analysis.evaluation import readers
from analysis.evaluation.delivery import AS_IS, Delivery, parse_change
from analysis.evaluation.items import Known, identified
from analysis.evaluation.rows import Cache, Role, Row, Subject
from analysis.evaluation.scoring import Panel, plan, score
from analysis.limits import Limits
from detectors import record
from detectors.errors import DetectorError
from detectors.record import WeightsRecord
from detectors.training.cross_validate import group_of

DELIVERIES = (AS_IS, Delivery(encodings=(parse_change("jpeg:75"),)))


def collect(folders: Iterable[Path], made: Iterable[Path]) -> tuple[Known, ...]:
    """List media; the same bytes count once.

    Of folders that were ``made`` by a generator, whose name they have, only the fakes count: the reals beside
    them are copies of media that other folders hold.

    Raises:
        ConfigurationError: a folder holds no labelled media.
    """
    items = [item for folder in folders for item in readers.read(folder).items]
    for folder in made:
        fakes = (item for item in readers.read(folder).items if item.label)
        items += (replace(item, generator=folder.resolve().name) for item in fakes)
    return identified(items)[0]


def weights_of(name: str, folds: Path | None) -> dict[str, WeightsRecord]:
    """Return the records of a detector's weights, by the name that loads them: those that ship come first.

    Raises:
        ConfigurationError: no fold's weights are in the folder.
        DetectorError: a fold's record is malformed.
    """
    files = sorted(folds.glob(f"*/{name}.json")) if folds else []
    if folds and not files:
        raise ConfigurationError(f"{folds} has no FOLD/{name}.json; train it with --cross-validate")
    return {weights: record(weights) for weights in (name, *map(str, files))}


def share_out(media: Iterable[Known], weights: Mapping[str, WeightsRecord]) -> dict[str, list[Known]]:
    """Give each medium to the first weights that never saw its source, nor one of the same group."""
    shares: dict[str, list[Known]] = {name: [] for name in weights}
    for known in media:
        group = group_of(known.item.source)
        for name, own in weights.items():
            if not any(data.name in group for data in own.trained_on):
                shares[name].append(known)
                break
    return shares


def judge(weights: str, media: Sequence[Known], progress: Progress | None = None) -> list[tuple[Known, Row]]:
    """Score media in each delivery with some weights; returns the rows that have a score.

    Args:
        weights: as `detectors.create` takes them.

    Raises:
        DetectorError: there are no such weights.
        AnalysisError: the weights cannot be loaded, or the engine failed.
    """
    policy = CalibratedPolicy(EnsembleCalibration())
    name = record(weights).name
    engine = EmbeddedAnalyzer([weights], policy, torch_threads=1, redelivery=False)
    with closing(engine), Cache(None) as cache:
        engine.warm_up()
        for reason in engine.unready().values():
            raise ConfigurationError(reason)
        panel = Panel.of(engine, {name: name}, None)
        subject = Subject(Role.DETECTOR, name)
        tasks = plan(media, lambda _: DELIVERIES, lambda _: (), [panel], cache)
        label = f"{Path(weights).parent.name or name}: {len(tasks)} media"
        task = progress.add_task(label, total=len(tasks)) if progress else None

        def tick() -> None:
            if progress and task is not None:
                progress.advance(task)

        score(tasks, cache, Limits(), workers=1, on_done=tick)
        found = [
            (known, cache.rows[known.sha256, way.name, subject, panel.subjects[subject]])
            for known in media
            for way in DELIVERIES
        ]
    return [(known, row) for known, row in found if row.score is not None]


def judge_all(
    media: Sequence[Known], weights: Mapping[str, WeightsRecord], progress: Progress | None = None
) -> list[tuple[Known, Row]]:
    """Score media, each with weights that never saw its source; in the order of the media.

    Raises:
        DetectorError, AnalysisError: as `judge` does.
    """
    shares = share_out(media, weights)
    rows = [row for name, own in shares.items() if own for row in judge(name, own, progress)]
    place = {known.sha256: number for number, known in enumerate(media)}
    return sorted(rows, key=lambda row: place[row[0].sha256])


def write_scores(judged: Iterable[tuple[Known, Row]], path: Path) -> None:
    """Write one CSV row per medium and delivery."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for known, row in judged:
            item = known.item
            fields = (known.sha256[:16], row.kind, item.source, item.generator, item.label, row.delivery)
            writer.writerow((*fields, f"{row.score:.6f}"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit status (0, or 2 where the input cannot be used)."""
    parser = argparse.ArgumentParser(prog="python -m analysis.calibration.judged")
    parser.add_argument("detector", help="a detector with weights that ship")
    parser.add_argument(
        "--media", type=Path, nargs="+", required=True, metavar="DIR", help="SOURCE/real, /fake"
    )
    parser.add_argument(
        "--made", type=Path, nargs="*", default=[], metavar="DIR", help="as `veritag generate` left it"
    )
    parser.add_argument(
        "--folds", type=Path, metavar="DIR", help="FOLD/NAME.json, of a training that left sources out"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="CSV", help="the table of scores")
    chosen = parser.parse_args(arguments)
    try:
        weights = weights_of(chosen.detector, chosen.folds)
        media = collect(chosen.media, chosen.made)
        with Progress(console=Console(stderr=True)) as progress:
            judged = judge_all(media, weights, progress)
        write_scores(judged, chosen.out)
    except (AnalysisError, DetectorError, OSError) as error:
        Console(stderr=True).print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
        return 2
    scored = len({known.sha256 for known, _ in judged})
    Console().print(f"{scored} of {len(media)} media scored: {chosen.out}", soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
