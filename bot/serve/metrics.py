"""What Prometheus is told: requests, refusals, seconds by stage, what waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from bot.serve.gate import App, Message, Receive, Scope, Send

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0)


class Metrics:
    """The counters of one service, in a registry of their own."""

    def __init__(self, waiting: Callable[[], float], loaded: Callable[[], float]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "veritag_requests", "Requests answered.", ["route", "status"], registry=self._registry
        )
        self._stages = Histogram(
            "veritag_stage_seconds",
            "Seconds of the engine, by stage.",
            ["stage"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._verdicts = Counter("veritag_verdicts", "Verdicts by band.", ["band"], registry=self._registry)
        self._faults = Counter(
            "veritag_faults", "Inputs without a verdict, by reason.", ["reason"], registry=self._registry
        )
        for name, about, value in (
            ("veritag_open_requests", "Analyses that wait or are worked on.", waiting),
            ("veritag_loaded", "1 when the detectors are loaded.", loaded),
        ):
            Gauge(name, about, registry=self._registry).set_function(value)

    def answered(self, route: str, status: int) -> None:
        """Count a request; ``route`` is the path's template, never what a stranger sent."""
        self._requests.labels(route, str(status)).inc()

    def judged(self, band: str, timing: Mapping[str, float]) -> None:
        """Count a verdict and its seconds."""
        self._verdicts.labels(band).inc()
        for stage, seconds in timing.items():
            self._stages.labels(stage).observe(seconds)

    def failed(self, reason: str) -> None:
        """Count an input without a verdict."""
        self._faults.labels(reason).inc()

    def text(self) -> bytes:
        """All of it, in Prometheus's text format."""
        return generate_latest(self._registry)


class Counting:
    """ASGI middleware: counts every answer by the template of its route."""

    def __init__(self, app: App, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note the status of its answer."""

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "other")
                self._metrics.answered(route, int(message["status"]))
            await send(message)

        await self._app(scope, receive, noted)
