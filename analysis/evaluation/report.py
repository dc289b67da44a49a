"""The report: one page that can be sent to somebody, and the scores beside it as tables.

``index.html`` needs no other file and no network. ``figures.json`` is what `--json` prints, ``scores.csv``
has every score, ``scores/NAME.csv`` one detector's as `python -m analysis.calibration` reads them.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import jinja2

from analysis.calibration.scores import COLUMNS
from analysis.errors import ConfigurationError
from analysis.evaluation import plots
from analysis.evaluation.mistakes import Mistake, Picture, Thumbnails, false_alarms, misses
from analysis.evaluation.result import Figure, OfKind
from analysis.evaluation.rows import Role
from analysis.evaluation.run import Outcome
from analysis.evaluation.table import Column, Table
from analysis.evaluation.words import MEANINGS, NOT_SAID, PLURAL

_KEY = 16
"""Digits of a SHA-256 that name a medium, as in the tables of training."""
_ALL_COLUMNS = (*COLUMNS, "subject", "band", "reason", "fault", "name")


@dataclass(frozen=True, slots=True)
class Drawn:
    """One kind of media with its plots (SVG; None where there is nothing to draw) and mistakes by subject."""

    found: OfKind
    roc: str | None
    reliability: str | None
    forest: str | None
    robustness: str | None
    histograms: tuple[str, ...]
    alarms: dict[str, list[Mistake]]
    misses: dict[str, list[Mistake]]


def write(outcome: Outcome, folder: Path, *, thumbnails: bool = False) -> Path:
    """Write the report; returns the page's path.

    Args:
        outcome: what was found.
        folder: where it goes; made if need be.
        thumbnails: show the worst mistakes as small pictures. Who gets the page gets to see them.

    Raises:
        ConfigurationError: the folder cannot be written to.
    """
    found = outcome.evaluation
    page = folder / "index.html"
    try:
        (folder / "scores").mkdir(parents=True, exist_ok=True)
        _write_scores(outcome.tables, folder)
        (folder / "figures.json").write_text(json.dumps(found.as_json(), indent=1) + "\n", "utf-8")
        page.write_text(render(outcome, thumbnails=thumbnails), "utf-8")
    except OSError as error:
        raise ConfigurationError(f"--report {folder} cannot be written to ({error.strerror})") from error
    return page


def render(outcome: Outcome, *, thumbnails: bool = False) -> str:
    """The page as HTML."""
    pairs = zip(outcome.evaluation.kinds, outcome.tables, strict=True)
    picture = Thumbnails() if thumbnails else None
    try:
        drawn = [_draw(kind, table, outcome.evaluation.seed, picture or _none) for kind, table in pairs]
    finally:
        if picture:
            picture.close()
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"figure": shown, "rate": _rate}
    text = resources.files("templates").joinpath("evaluation", "report.html").read_text("utf-8")
    page = environment.from_string(text)
    return page.render(
        found=outcome.evaluation, kinds=drawn, not_said=NOT_SAID, meanings=MEANINGS, plural=PLURAL
    )


def _none(_path: Path) -> None:
    return None


def _draw(kind: OfKind, table: Table, seed: int, picture: Picture) -> Drawn:
    name = kind.kind
    histograms = [plots.histogram(table, of, f"{name}-scores-{n}") for n, of in enumerate(table.columns)]
    return Drawn(
        found=kind,
        roc=plots.roc(table, f"{name}-roc", seed),
        reliability=plots.reliabilities(table, f"{name}-reliability"),
        forest=plots.forest(kind, f"{name}-forest"),
        robustness=plots.robustness(kind.robustness, f"{name}-robustness"),
        histograms=tuple(plot for plot in histograms if plot),
        alarms={str(of.subject): false_alarms(table, of, picture) for of in table.columns},
        misses={str(of.subject): misses(table, of, picture) for of in table.columns},
    )


def shown(figure: Figure) -> str:
    """A figure with its interval, and an asterisk where it rests on too few media."""
    if figure.value is None:
        return "–"
    mark = "*" if figure.note else ""
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f}{mark}"
    between = "–" if figure.low >= 0 else " to "
    return f"{figure.value:.3f}{mark} ({figure.low:.3f}{between}{figure.high:.3f})"


def _rate(count: int, total: int) -> str:
    return f"{count} of {total} ({count / total:.0%})" if total else "–"


def _write_scores(tables: Sequence[Table], folder: Path) -> None:
    with (folder / "scores.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _ALL_COLUMNS, lineterminator="\n")
        writer.writeheader()
        for table in tables:
            for column in table.columns:
                writer.writerows(_rows(table, column))
    names = dict.fromkeys(column.subject for table in tables for column in table.columns)
    for subject in names:
        path = folder / "scores" / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', subject.name)}.csv"
        if subject.role is Role.DETECTOR:
            mine = [(of, column) for of in tables for column in of.columns if column.subject == subject]
            _write_for_calibration(mine, path)


def _write_for_calibration(tables: Sequence[tuple[Table, Column]], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(row for pair in tables for row in _rows(*pair) if row["score"] != "")


def _rows(table: Table, column: Column) -> list[dict[str, object]]:
    return [
        {
            "item": known.sha256[:_KEY],
            "modality": table.kind,
            "source": known.item.source,
            "generator": known.item.generator,
            "label": known.item.label,
            "delivery": table.delivery,
            "score": "" if row.score is None else f"{row.score:.6f}",
            "subject": str(column.subject),
            "band": row.band or "",
            "reason": row.reason or "",
            "fault": row.fault or "",
            "name": known.item.name,
        }
        for known, row in zip(table.media, column.rows, strict=True)
    ]
