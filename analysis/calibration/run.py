"""A whole refit: from score files to calibrators and panels, and into the files that ship."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from analysis.calibration.choosing import chosen
from analysis.calibration.fitting import fit_calibration
from analysis.calibration.measuring import Measured, measure, member_sets
from analysis.calibration.methods import Choice
from analysis.calibration.own import OwnCalibration
from analysis.calibration.scores import Row, ScoreTable, read_scores, table_of
from analysis.ensemble.panels import EnsembleCalibration, dump_calibration, load_calibration
from analysis.errors import ConfigurationError
from analysis.model import Kind
from detectors.base import Modality
from detectors.errors import NotMeasurable
from detectors.record import Calibration, WeightsRecord, load


@dataclass(frozen=True, slots=True)
class Fit:
    """What a refit found.

    ``calibrations`` by detector and kind; ``measured`` panels by kind, the largest last; ``refused`` says
    what could not be fitted or measured, and why.
    """

    calibrations: Mapping[tuple[str, Kind], Calibration]
    measured: Mapping[Kind, tuple[Measured, ...]]
    refused: tuple[str, ...]


def fit(paths: Mapping[str, Path], choice: Choice, *, date: str) -> Fit:
    """Fit every detector on every kind that its scores cover, and measure the panels.

    ``choice`` is the kind of calibrator, or that each detector gets the ``best`` (`choosing.chosen`).

    Raises:
        NotMeasurable: a file is malformed, or nothing at all could be fitted.
        ConfigurationError: the date is not ``YYYY-MM-DD``.
    """
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", date):
        raise ConfigurationError(f"the date must be YYYY-MM-DD, not {date!r}")
    return fit_rows({name: read_scores(path) for name, path in paths.items()}, choice, date=date)


def fit_rows(scores: Mapping[str, Sequence[Row]], choice: Choice, *, date: str) -> Fit:
    """As `fit`, of scores that are here already.

    Raises:
        NotMeasurable: nothing at all could be fitted.
    """
    rows = dict(sorted(scores.items()))
    calibrations: dict[tuple[str, Kind], Calibration] = {}
    measured: dict[Kind, tuple[Measured, ...]] = {}
    refused: list[str] = []
    for kind in Kind:
        tables = {name: table for name, of in rows.items() if len(table := table_of(name, of, kind))}
        fitted: dict[str, Calibration] = {}
        panels: list[Measured] = []
        for members in member_sets(tuple(tables)):
            # A detector whose own panel cannot be measured gets no calibrator: nothing vouches for it.
            usable = {name: tables[name] for name in members}
            try:
                for name in members:
                    if name not in fitted:
                        fitted[name] = _calibrated(usable[name], choice, date)
                panels.append(measure(usable, members, fitted, date=date))
            except NotMeasurable as error:
                refused.append(f"{kind}: {error}")
        alone = {next(iter(found.panel.weights)) for found in panels if len(found.panel.weights) == 1}
        calibrations |= {(name, kind): found for name, found in fitted.items() if name in alone}
        kept = tuple(found for found in panels if found.panel.weights.keys() <= alone)
        if kept:
            measured[kind] = kept
    if not measured:
        raise NotMeasurable("; ".join(refused) or "the score files hold no rows")
    return Fit(calibrations, measured, tuple(refused))


def _calibrated(table: ScoreTable, choice: Choice, date: str) -> Calibration:
    one_sided = _is_narrow(table.detectors[0])
    method = chosen(table, choice, one_sided=one_sided)
    return fit_calibration(table, method, date=date, one_sided=one_sided)


def _is_narrow(detector: str) -> bool:
    """Whether a detector's record says that its silence is no evidence; without a record it is none."""
    try:
        return load(detector).narrow
    except FileNotFoundError:
        return False


def as_own(found: Fit) -> OwnCalibration:
    """What a fit found, as an operator's own calibration."""
    calibrators: dict[str, dict[Modality, Calibration]] = {}
    for (name, kind), fitted in found.calibrations.items():
        calibrators.setdefault(name, {})[Modality(kind.value)] = fitted
    panels = {kind: tuple(item.panel for item in items) for kind, items in found.measured.items()}
    date = max(fitted.date for fitted in found.calibrations.values())
    return OwnCalibration(date=date, calibrators=calibrators, panels=panels)


def write(found: Fit, records: Path, ensemble: Path) -> tuple[Path, ...]:
    """Put the calibrators into the detectors' records and the panels into the ensemble calibration.

    Kinds that were not fitted keep what they had. Everything is checked before anything is written. Returns
    the files written.

    Raises:
        ConfigurationError: a record is missing or malformed, or the ensemble calibration is.
    """
    texts: dict[Path, str] = {}
    for name in sorted({name for name, _ in found.calibrations}):
        mine = {kind: fitted for (owner, kind), fitted in found.calibrations.items() if owner == name}
        texts[records / f"{name}.json"] = _updated_record(records / f"{name}.json", mine)
    before = load_calibration(ensemble)
    panels = {kind: tuple(item.panel for item in items) for kind, items in found.measured.items()}
    texts[ensemble] = dump_calibration(EnsembleCalibration(panels={**before.panels, **panels}))
    for path, text in texts.items():
        partial = path.with_suffix(".partial")
        partial.write_text(text, "utf-8")
        partial.replace(path)
    return tuple(texts)


def _updated_record(path: Path, calibrations: Mapping[Kind, Calibration]) -> str:
    try:
        record = json.loads(path.read_text("utf-8"))
        record.setdefault("calibration", {}).update(
            {kind.value: fitted.model_dump(mode="json") for kind, fitted in calibrations.items()}
        )
        WeightsRecord.model_validate(record)
    except FileNotFoundError as error:
        raise ConfigurationError(f"no weights record {path.name} in {path.parent}") from error
    except (json.JSONDecodeError, AttributeError, ValidationError) as error:
        raise ConfigurationError(
            f"weights record {path.name} is malformed: {error}".splitlines()[0]
        ) from error
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"
