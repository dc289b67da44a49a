"""`GET /metrics`: what Prometheus is told of the service, read from the state file at each scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from fastapi import APIRouter, Depends, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.health import HealthReport
from bot.platforms.gate import Budgets
from bot.web.resolving import Admit
from state.store import Store

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class ServiceFigures(Collector):
    """The figures as Prometheus's metrics. Every one is a gauge: rows can be deleted."""

    def __init__(
        self, store: Store, health: Callable[[], HealthReport], budgets: Callable[[], Sequence[Budgets]]
    ) -> None:
        self._store = store
        self._health = health
        self._budgets = budgets

    def collect(self) -> Iterator[Metric]:
        """Read everything once."""
        figures, now = self._store.figures, self._store.now()
        yield _gauge(
            "veritag_mentions",
            "Mentions by state.",
            ["state"],
            (((state.value,), count) for state, count in self._store.mentions.counts().items()),
        )
        yield _gauge(
            "veritag_replies", "Replies by kind and state.", ["kind", "state"], figures.replies().items()
        )
        waiting = figures.waiting()
        names = ["platform", "step"]
        counts = (((each.platform, each.step), each.count) for each in waiting)
        ages = (((each.platform, each.step), (now - each.oldest).total_seconds()) for each in waiting)
        yield _gauge("veritag_jobs", "Steps that wait or are worked on.", names, counts)
        yield _gauge("veritag_oldest_job_seconds", "Age of the oldest such step.", names, ages)
        report = self._health()
        yield _gauge(
            "veritag_check_ok",
            "1 where a check of /health is well.",
            ["check"],
            (((check.name,), float(check.ok)) for check in report.checks),
        )
        yield _gauge(
            "veritag_check_degraded",
            "1 where a check of /health is well, but slow for a reason that is not the bot's.",
            ["check"],
            (((check.name,), float(check.degraded)) for check in report.checks),
        )
        yield _gauge(
            "veritag_check_age_seconds",
            "Seconds since what a check looks at was last at work.",
            ["check"],
            (((c.name,), c.age_seconds) for c in report.checks if c.age_seconds is not None),
        )
        yield from _of_budgets(self._budgets(), now)


def _of_budgets(budgets: Sequence[Budgets], now: datetime) -> Iterator[Metric]:
    yield _gauge(
        "veritag_spent_today_dollars",
        "US dollars spent on a platform this UTC day.",
        ["platform"],
        (((each.platform,), float(each.spent_today)) for each in budgets),
    )
    yield _gauge(
        "veritag_daily_cap_dollars",
        "US dollars that a day may cost.",
        ["platform"],
        (((each.platform,), float(each.daily_cap)) for each in budgets if each.daily_cap is not None),
    )
    endpoints = [(each.platform, name, budget) for each in budgets for name, budget in each.endpoints.items()]
    names = ["platform", "endpoint"]
    yield _gauge(
        "veritag_requests_left",
        "Requests that a platform still allows in the window.",
        names,
        (((p, name), b.remaining) for p, name, b in endpoints if b.remaining is not None),
    )
    yield _gauge(
        "veritag_endpoint_rests",
        "1 while no request is made to an endpoint because it refused or failed.",
        names,
        (((p, name), float(b.closed_until is not None and b.closed_until > now)) for p, name, b in endpoints),
    )


def _gauge(name: str, about: str, labels: list[str], values: Iterable[tuple[Sequence[str], float]]) -> Metric:
    family = GaugeMetricFamily(name, about, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family


def metrics_router(
    store: Store,
    health: Callable[[], HealthReport],
    budgets: Callable[[], Sequence[Budgets]],
    admit: Admit,
) -> APIRouter:
    """The route, for an application to include."""
    registry = CollectorRegistry()
    registry.register(ServiceFigures(store, health, budgets))
    router = APIRouter(dependencies=[Depends(admit)], include_in_schema=False)

    @router.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE)

    return router
