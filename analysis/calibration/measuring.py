"""Measuring panels out of fold by source: what the bands may promise on media from sources never fitted on.

Each source is left out in turn: calibrators and weights are fitted without it, and its media are judged by
them. All figures come from those judgements; what ships is then fitted on everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from analysis.calibration.error import calibration_error
from analysis.calibration.fitting import fit_calibration, fit_weights, llrs
from analysis.calibration.scores import ScoreTable, joined
from analysis.ensemble.likelihood import calibration_fingerprint
from analysis.ensemble.panels import HIGH_FLOOR, LOW_CEILING, ErrorCurve, ErrorPoint, Panel
from detectors.errors import NotMeasurable
from detectors.metrics import Floats, auc, brier, clopper_pearson, ece
from detectors.record import Calibration

GRID_STEP = 0.05
"""Distance between the cuts that are tried, in natural-log units; the grid does not depend on the data."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A panel with the out-of-fold evidence (summed LLR per row of ``table``) that it was measured by.

    ``told`` are the rows of which it would say a probability: of detectors whose silence is no evidence, and
    of no other, a silent panel says none.
    """

    panel: Panel
    table: ScoreTable
    evidence: Floats
    auc: float
    told: NDArray[np.bool_]


def member_sets(detectors: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the sets worth measuring: each detector alone, all together, and all but one."""
    names, count = sorted(detectors), len(detectors)
    sizes = {1, count - 1, count} & set(range(1, count + 1))
    return [chosen for size in sorted(sizes) for chosen in combinations(names, size)]


def out_of_fold(
    tables: Sequence[ScoreTable], calibrations: Sequence[Calibration]
) -> tuple[ScoreTable, Floats]:
    """Return the rows that all detectors scored, and the summed LLR that each got with its source left out.

    The detectors' calibrations say how those of the folds are fitted.

    Raises:
        NotMeasurable: no common rows, or a class that comes from one source alone.
    """
    together = joined(tables)
    if not len(together):
        raise NotMeasurable(f"{'+'.join(together.detectors)}: no medium was scored by all")
    evidence = np.full(len(together), np.nan)
    for source in np.unique(together.source):
        inside = together.source == source
        try:
            evidence[inside] = _fold(tables, together, str(source), calibrations)
        except NotMeasurable as error:
            raise NotMeasurable(f"source {source} cannot be left out: {error}; add a source") from error
    return together, evidence


def _fold(
    tables: Sequence[ScoreTable], together: ScoreTable, source: str, calibrations: Sequence[Calibration]
) -> Floats:
    fitted = [
        fit_calibration(table.rows(table.source != source), whole.method, date="", one_sided=whole.one_sided)
        for table, whole in zip(tables, calibrations, strict=True)
    ]
    inside = together.source == source
    rest = together.rows(~inside)
    weights = fit_weights(llrs(fitted, rest.scores), rest)
    return np.asarray(llrs(fitted, together.scores[inside]) @ weights)


def measure(
    tables: Mapping[str, ScoreTable],
    members: Sequence[str],
    calibrations: Mapping[str, Calibration],
    *,
    date: str,
) -> Measured:
    """Measure one panel.

    Raises:
        NotMeasurable: see `out_of_fold`.
    """
    final = [calibrations[name] for name in members]
    table, evidence = out_of_fold([tables[name] for name in members], final)
    weights = fit_weights(llrs(final, table.scores), table)
    told = _told(table, evidence, final)
    said, probabilities = table.rows(told), 1 / (1 + np.exp(-evidence[told]))
    balance = said.weights()
    panel = Panel(
        weights={name: float(weight) for name, weight in zip(members, weights, strict=True)},
        calibrators={name: calibration_fingerprint(calibrations[name]) for name in members},
        high=error_curve(table, evidence, fakes_err=False),
        low=error_curve(table, evidence, fakes_err=True),
        ece=round(ece(said.label, probabilities, balance), 4),
        brier=round(brier(said.label, probabilities, balance), 4),
        calibration_error=calibration_error(said.label, probabilities, said.item, balance),
        data=table.data_sets(),
        date=date,
        protocol="leave one source out; a medium errs if it does in any delivery; 95 % Clopper-Pearson",
    )
    return Measured(panel, table, evidence, auc(table.label, evidence), told)


def _told(table: ScoreTable, evidence: Floats, calibrations: Sequence[Calibration]) -> NDArray[np.bool_]:
    """All rows, or those with any evidence; all again where these hold one class alone."""
    loud = np.abs(evidence) > 0
    narrow = all(calibration.one_sided for calibration in calibrations)
    return loud if narrow and len(np.unique(table.label[loud])) == 2 else np.ones(len(table), dtype=bool)


def error_curve(table: ScoreTable, evidence: Floats, *, fakes_err: bool) -> ErrorCurve:
    """Count errors at each cut of the grid, strictest first.

    ``fakes_err``: the band is `low`, and fakes at or below a cut are its errors; else it is `high`, and reals
    at or above are. A medium counts once: as an error if it errs in any delivery, as a gain if it gains in
    all.
    """
    sign = -1.0 if fakes_err else 1.0
    floor = sign * (LOW_CEILING if fakes_err else HIGH_FLOOR)
    wrong = _per_item(table, sign * evidence, label=int(fakes_err), reduce=max)
    right = _per_item(table, sign * evidence, label=int(not fakes_err), reduce=min)
    top = max(float(np.max(sign * evidence)), floor)
    cuts = floor + GRID_STEP * np.arange(int(np.ceil((top - floor) / GRID_STEP)) + 1)
    points: dict[int, ErrorPoint] = {}
    for cut in cuts[::-1]:
        errors, gains = int((wrong >= cut).sum()), int((right >= cut).sum())
        # Of cuts with the same errors only the least strict can be chosen, so only that one is kept.
        points[errors] = ErrorPoint(
            cut=max(round(float(cut), 6), floor) * sign,
            errors=errors,
            bound=round(clopper_pearson(errors, len(wrong))[1], 6),
            gain=round(clopper_pearson(gains, len(right))[0], 6),
        )
    return ErrorCurve(media=len(wrong), points=tuple(points.values()))


def _per_item(
    table: ScoreTable, evidence: Floats, *, label: int, reduce: Callable[[Floats], float]
) -> Floats:
    """Reduce a class's rows to one value per medium."""
    mine = table.label == label
    _, index = np.unique(table.item[mine], return_inverse=True)
    values = evidence[mine]
    return np.array([reduce(values[index == i]) for i in range(index.max() + 1)])
