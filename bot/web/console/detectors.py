"""The detectors' pages: what is known of each, and how it does here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import exp
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response

import detectors
from analysis.calibration.own import load_own
from analysis.errors import ConfigurationError
from analysis.model import Kind
from bot.detector_figures import (
    FALSE_ALARMS,
    LEAST_REVIEWS,
    Drifted,
    Reviewed,
    Speed,
    bins,
    calibration_sets,
    drifts,
    rates,
    reviewed,
    speeds,
)
from bot.remembering import Remembered
from bot.web.console.desk import Desk
from bot.web.console.detector_plots import (
    PLOT_HEADERS,
    calibration_plot,
    reliability_plot,
    roc_plot,
    scores_plot,
)
from bot.weights.state import in_words, state_of
from detectors.record import WeightsRecord

_STEPS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class Line:
    """A detector in the list."""

    record: WeightsRecord
    in_use: bool
    weights: str
    speed: Speed | None
    real: int
    fake: int
    drifts: list[Drifted]


@dataclass(frozen=True, slots=True)
class Step:
    """How many reviewed media scored from ``low`` up to ``high``."""

    low: float
    high: float
    real: int
    fake: int


def router(desk: Desk) -> APIRouter:
    """`/detectors`, `/detectors/NAME` and the plots of the latter."""
    routes = APIRouter(include_in_schema=False)
    store = desk.store
    shipped = {name: detectors.record(name) for name in detectors.names()}
    chosen = [detectors.record(name) for name in desk.settings.analysis.detectors]
    shipped |= {record.name: record for record in chosen}
    used = {record.name for record in chosen}
    figures = Remembered(store.judged.version)

    def seen(records: Iterable[WeightsRecord]) -> dict[str, dict[Kind, Reviewed]]:
        records = list(records)
        key = frozenset((record.name, record.digest) for record in records)
        return figures.of(("reviewed", key), lambda: reviewed(store, records))

    def line(record: WeightsRecord, found: Iterable[Reviewed], speed: Speed | None) -> Line:
        is_in_use = record.name in used
        has_judged = speed is not None or is_in_use
        key = ("drift", record.name, record.digest)
        drifted = figures.of(key, lambda: drifts(store, record)) if has_judged else []
        return _line(record, found, speed, drifted, in_use=is_in_use)

    def known() -> Mapping[str, WeightsRecord]:
        try:
            own = load_own(desk.settings.own_calibration)
        except ConfigurationError as error:
            raise HTTPException(500, str(error)) from None
        return own.records(shipped) if own else shipped

    def one(name: str) -> WeightsRecord:
        record = known().get(name)
        if record is None:
            raise HTTPException(404, f"there is no detector {name}")
        return record

    @routes.get("/detectors")
    def overview(request: Request) -> Response:
        records = known()
        taken, found = speeds(store), seen(records.values())
        lines = [line(record, found[name].values(), taken.get(name)) for name, record in records.items()]
        lines.sort(key=lambda line: (not line.in_use, line.record.name))
        return desk.pages.page(request, "detectors.html", lines=lines)

    @routes.get("/detectors/{name}")
    def detector(request: Request, name: Annotated[str, Path(max_length=100)]) -> Response:
        record = one(name)
        found = seen([record])[name].values()
        return desk.pages.page(
            request,
            "detector.html",
            line=line(record, found, speeds(store).get(name)),
            reviewed=[(each, rates(each), _steps(each)) for each in found],
            fitted={each.kind: table for each in found if (table := bins(record, each))},
            bounds={modality: exp(fit.bound) for modality, fit in record.calibration.items()},
            calibrated=calibration_sets(shipped[name]),
            least=LEAST_REVIEWS,
            false_alarms=FALSE_ALARMS,
        )

    @routes.get("/detectors/{name}/{plot}.svg")
    def plot(
        name: Annotated[str, Path(max_length=100)],
        plot: Literal["scores", "roc", "reliability", "calibration"],
        kind: Annotated[Kind, Query()],
    ) -> Response:
        record = one(name)
        if plot == "calibration":
            picture = calibration_plot(name, kind) if kind in calibration_sets(shipped[name]) else None
        else:
            found = seen([record])[name].get(kind)
            picture = _PLOTS[plot](record, found) if found else None
        if picture is None:
            raise HTTPException(404, "there is too little to draw")
        return Response(picture, media_type="image/svg+xml", headers=PLOT_HEADERS)

    return routes


_PLOTS = {"scores": scores_plot, "roc": roc_plot, "reliability": reliability_plot}


def _line(
    record: WeightsRecord,
    found: Iterable[Reviewed],
    speed: Speed | None,
    drifted: list[Drifted],
    *,
    in_use: bool,
) -> Line:
    counts = [(each.real, each.fake) for each in found]
    return Line(
        record,
        in_use,
        in_words(state_of(record), record),
        speed,
        sum(real for real, _ in counts),
        sum(fake for _, fake in counts),
        drifted,
    )


def _steps(found: Reviewed) -> list[Step]:
    """The same as the plot of scores, to read; the last step holds a score of 1."""
    steps = []
    for low, high in pairwise(_STEPS):
        inside = [
            label
            for label, score in zip(found.labels, found.scores, strict=True)
            if low <= score < high or (high == 1 and score == 1)
        ]
        steps.append(Step(low, high, len(inside) - sum(inside), sum(inside)))
    return steps
