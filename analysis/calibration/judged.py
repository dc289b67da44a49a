"""`python -m analysis.calibration.judged NAME --media DIR ... --out CSV`: score media through the engine.

For detectors whose shipped weights never saw some sources: their media are scored as they are and encoded
again at JPEG quality 75, as the product scores them, and become one table as `scores.read_scores` takes it.
Sources that the record names as trained on are passed over, and so are media that the detector declines.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from analysis.calibration.scores import COLUMNS
from analysis.engine import EmbeddedAnalyzer
from analysis.ensemble.calibrated import CalibratedPolicy
from analysis.ensemble.panels import EnsembleCalibration
from analysis.errors import AnalysisError
from analysis.evaluation import readers
from analysis.evaluation.delivery import AS_IS, Delivery, parse_change
from analysis.evaluation.items import Known, identified
from analysis.evaluation.rows import Cache, Role, Row, Subject
from analysis.evaluation.scoring import Panel, plan, score
from analysis.limits import Limits
from detectors.errors import DetectorError
from detectors.record import WeightsRecord, load

DELIVERIES = (AS_IS, Delivery(encodings=(parse_change("jpeg:75"),)))


def unseen(folders: Iterable[Path], made: Iterable[Path], record: WeightsRecord) -> list[Known]:
    """List the media of sources that the weights never saw; the same bytes count once.

    Of folders that were ``made`` by a generator, whose name they have, only the fakes count: the reals beside
    them are copies of media that other folders hold.

    Raises:
        ConfigurationError: a folder holds no labelled media.
    """
    items = [item for folder in folders for item in readers.read(folder).items]
    for folder in made:
        fakes = (item for item in readers.read(folder).items if item.label)
        items += (replace(item, generator=folder.resolve().name) for item in fakes)
    seen = {data.name for data in record.trained_on}
    return list(identified([item for item in items if item.source not in seen])[0])


def judge(name: str, media: Sequence[Known], progress: Progress | None = None) -> list[tuple[Known, Row]]:
    """Score media in each delivery with the shipped weights; returns the rows that have a score.

    Raises:
        DetectorError: the detector cannot be loaded.
        AnalysisError: the engine failed.
    """
    policy = CalibratedPolicy(EnsembleCalibration())
    engine = EmbeddedAnalyzer([name], policy, torch_threads=1, redelivery=False)
    with closing(engine), Cache(None) as cache:
        engine.warm_up()
        panel = Panel.of(engine, {name: name}, None)
        subject = Subject(Role.DETECTOR, name)
        tasks = plan(media, lambda _: DELIVERIES, lambda _: (), [panel], cache)
        task = progress.add_task(f"{name}: {len(tasks)} media", total=len(tasks)) if progress else None

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
    parser.add_argument("--out", type=Path, required=True, metavar="CSV", help="the table of scores")
    chosen = parser.parse_args(arguments)
    try:
        media = unseen(chosen.media, chosen.made, load(chosen.detector))
        with Progress(console=Console(stderr=True)) as progress:
            judged = judge(chosen.detector, media, progress)
        write_scores(judged, chosen.out)
    except (AnalysisError, DetectorError, OSError) as error:
        Console(stderr=True).print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
        return 2
    scored = len({known.sha256 for known, _ in judged})
    Console().print(f"{scored} of {len(media)} media scored: {chosen.out}", soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
