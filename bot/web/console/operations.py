"""The operations page: is it at work, what waits, what failed and why, how long each stage takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median, quantiles

from fastapi import APIRouter, Request, Response

from bot.web.console.desk import Desk
from state.figures import Hour
from state.store import Store

HOURS = 24
LATEST = 200


@dataclass(frozen=True, slots=True)
class StageTime:
    """Seconds that one stage of the engine took, over the latest analyses."""

    name: str
    median: float
    slow: float
    count: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour of the chart: heights of its parts in percent of the tallest bar, from the bottom up."""

    hour: Hour
    answered: float
    failed: float
    ignored: float


def router(desk: Desk) -> APIRouter:
    """`/operations`."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/operations")
    def operations(request: Request) -> Response:
        store = desk.store
        part = "_operations.html" if "hx-request" in request.headers else "operations.html"
        hours = store.figures.hours(HOURS)
        return desk.pages.page(
            request,
            part,
            report=desk.health(),
            budgets=desk.budgets(),
            counts=store.mentions.counts(),
            waiting=store.figures.waiting(),
            failures=store.figures.failures(store.now() - timedelta(days=1)),
            bars=_bars(hours),
            most=max(hour.answered + hour.failed + hour.ignored for hour in hours),
            stages=_stages(store),
            now=store.now(),
        )

    return routes


def _bars(hours: Sequence[Hour]) -> list[Bar]:
    tallest = max(1, *(hour.answered + hour.failed + hour.ignored for hour in hours))
    return [
        Bar(hour, *(100 * part / tallest for part in (hour.answered, hour.failed, hour.ignored)))
        for hour in hours
    ]


def _stages(store: Store) -> list[StageTime]:
    """Slowest first. ``slow`` is the 95th percentile, or the slowest of a few."""
    stages = []
    for name, seconds in store.figures.stage_seconds(LATEST).items():
        slow = quantiles(seconds, n=20)[-1] if len(seconds) >= 20 else max(seconds)
        stages.append(StageTime(name, median(seconds), slow, len(seconds)))
    return sorted(stages, key=lambda stage: -stage.median)
