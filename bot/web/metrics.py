"""`GET /metrics`: what Prometheus is told of the service, read from the state file at each scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from fastapi import APIRouter, Depends, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.health import HealthReport
from bot.web.resolving import Admit
from state.store import Store

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class ServiceFigures(Collector):
    """The figures as Prometheus's metrics. Every one is a gauge: rows can be deleted."""

    def __init__(self, store: Store, health: Callable[[], HealthReport]) -> None:
        self._store = store
        self._health = health

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
            "veritag_check_age_seconds",
            "Seconds since what a check looks at was last at work.",
            ["check"],
            (((c.name,), c.age_seconds) for c in report.checks if c.age_seconds is not None),
        )


def _gauge(name: str, about: str, labels: list[str], values: Iterable[tuple[Sequence[str], float]]) -> Metric:
    family = GaugeMetricFamily(name, about, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family


def metrics_router(store: Store, health: Callable[[], HealthReport], admit: Admit) -> APIRouter:
    """The route, for an application to include."""
    registry = CollectorRegistry()
    registry.register(ServiceFigures(store, health))
    router = APIRouter(dependencies=[Depends(admit)], include_in_schema=False)

    @router.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE)

    return router
