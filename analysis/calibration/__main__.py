"""`python -m analysis.calibration --scores NAME=CSV ...`: fit calibrators and bands from out-of-fold scores.

Shows what it found; writes nothing unless told to (`--write`, `--plots`). Same input, same output.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from analysis.calibration.ensemble import judge_left_out, parts, word
from analysis.calibration.methods import CHOICES, Choice
from analysis.calibration.report import (
    calibration_table,
    panel_table,
    save_plot,
    source_table,
    word_table,
)
from analysis.calibration.run import Fit, fit, write
from analysis.calibration.scores import read_scores
from analysis.ensemble.calibrated import Limits
from analysis.ensemble.panels import CALIBRATION_FILE
from analysis.errors import AnalysisError
from detectors.errors import NotMeasurable

RECORDS = Path(__file__).parents[2] / "detectors" / "records"


def _named_file(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=CSV")
    return name, Path(path)


def _parser() -> argparse.ArgumentParser:
    defaults, today = Limits(), datetime.datetime.now(datetime.UTC).date().isoformat()
    parser = argparse.ArgumentParser(
        prog="python -m analysis.calibration",
        description="Fit calibrators and verdict bands from out-of-fold scores.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--scores", nargs="+", required=True, type=_named_file, metavar="NAME=CSV", help="scores by detector")
    add("--method", choices=CHOICES, default="best", help="kind of calibrator; best: each detector's own")
    add("--date", default=today, metavar="YYYY-MM-DD", help="date to record")
    add("--high-false-alarms", type=float, default=defaults.high_false_alarms, help="limit shown for `high`")
    add("--low-misses", type=float, default=defaults.low_misses, help="limit shown for `low`")
    add(
        "--error",
        action="store_true",
        help="also judge each source by all that is fitted without it; minutes",
    )
    add("--plots", type=Path, metavar="DIR", help="save a plot (SVG) per panel here")
    add("--write", action="store_true", help="update the records and the ensemble calibration")
    add("--records", type=Path, default=RECORDS, metavar="DIR", help="weights records to update")
    add("--ensemble", type=Path, default=CALIBRATION_FILE, metavar="FILE", help="ensemble file to update")
    return parser


def _show(console: Console, found: Fit, limits: Limits) -> None:
    calibrators = [(name, kind, fitted) for (name, kind), fitted in sorted(found.calibrations.items())]
    console.print(calibration_table(calibrators))
    console.print(
        panel_table([(kind, item) for kind, items in found.measured.items() for item in items], limits)
    )
    for kind, items in found.measured.items():
        console.print(source_table(kind, items[-1], limits))
    for line in found.refused:
        console.print(f"not fitted: {line}", markup=False)


def _show_error(console: Console, paths: Mapping[str, Path], choice: Choice, limits: Limits) -> None:
    judged = judge_left_out({name: read_scores(path) for name, path in paths.items()}, choice, limits)
    words = []
    for name, said in parts(judged).items():
        try:
            words.append((name, word(said)))
        except NotMeasurable as error:
            console.print(f"{name}: {error}", markup=False)
    if len({row.kind for row in judged}) > 1:
        words.append(("media of all kinds", word(judged)))
    console.print(word_table(words))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit status (0, or 2 where the input cannot be used)."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    names = [name for name, _ in chosen.scores]
    if len(set(names)) < len(names):
        parser.error("--scores names a detector twice")
    console = Console()
    try:
        limits = Limits(chosen.high_false_alarms, chosen.low_misses)
        found = fit(dict(chosen.scores), chosen.method, date=chosen.date)
        _show(console, found, limits)
        if chosen.error:
            _show_error(console, dict(chosen.scores), chosen.method, limits)
        written = write(found, chosen.records, chosen.ensemble) if chosen.write else ()
    except (AnalysisError, NotMeasurable) as error:
        Console(stderr=True).print(f"error: {error}", markup=False, highlight=False)
        return 2
    if chosen.plots:
        written += tuple(
            save_plot(kind, item, limits, chosen.plots)
            for kind, items in found.measured.items()
            for item in items
        )
    for path in written:
        console.print(f"wrote {path}", markup=False, highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
