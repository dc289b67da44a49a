"""The analyst: takes mentions from `seen` to `analysed`, many at once, each at its own pace."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.flow import Flow
from bot.workers import Workers
from state.model import Job, Step


class Analyst:
    """Two sets of workers: the resolving ones wait for networks, the analysing ones for the engine."""

    def __init__(
        self,
        flow: Flow,
        platforms: Sequence[str],
        *,
        resolve_workers: int,
        in_flight: int,
        on_progress: Callable[[], None],
    ) -> None:
        """`in_flight`: mentions in the engine at once. `on_progress`: told after each step, done or not."""
        self._flow = flow
        self._platforms = tuple(platforms)
        self._on_progress = on_progress
        self.resolving = Workers(
            "resolve", resolve_workers, lambda n: self._claim(Step.RESOLVE, n), self._resolve
        )
        self.analysing = Workers("analyse", in_flight, lambda n: self._claim(Step.ANALYSE, n), self._analyse)

    def resolve_once(self) -> None:
        """Put free workers to resolving what is due."""
        self.resolving.top_up()

    def analyse_once(self) -> None:
        """Put free workers to analysing what is due."""
        self.analysing.top_up()

    def _claim(self, step: Step, limit: int) -> list[Job]:
        return self._flow.claim(step, self._platforms, limit)

    def _resolve(self, job: Job) -> None:
        self._flow.run(job)
        self.analysing.top_up()
        self._on_progress()

    def _analyse(self, job: Job) -> None:
        self._flow.run(job)
        self._on_progress()
