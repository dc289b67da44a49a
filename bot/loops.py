"""Loops: something small that is done again and again on the scheduler, and seen to be alive.

A loop's pass may fail: that is counted and shown, and the next pass comes at its time all the same. A pass
that outlasts its interval is not started twice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from bot.clock import Clock
from bot.errors import PlatformError, RateLimited

log = structlog.get_logger()

STALLED_AFTER = timedelta(seconds=60)


@dataclass(slots=True)
class Heartbeat:
    """When a loop was last at work, and what became of it."""

    started: datetime | None = None
    finished: datetime | None = None
    passes: int = 0
    failures_in_a_row: int = 0
    failure: str | None = None


class Loop:
    """One pass, its interval in seconds, and its heartbeat. `run_once` never raises."""

    def __init__(self, name: str, interval: float, one_pass: Callable[[], None], clock: Clock) -> None:
        """`one_pass` does everything that is to be done now and returns."""
        self.name = name
        self.interval = interval
        self.heartbeat = Heartbeat()
        self.not_before: datetime | None = None
        self._pass = one_pass
        self._clock = clock
        self._at_work = threading.Lock()
        self._stopping = False

    def run_once(self) -> None:
        """Do one pass, unless somebody asked to wait; count what became of it."""
        with self._at_work:
            if not self._stopping:
                self._run()

    def stop(self) -> None:
        """Begin no further pass."""
        self._stopping = True

    def join(self, seconds: float) -> bool:
        """Wait for a pass that is at work; False where it still is after that time."""
        ended = self._at_work.acquire(timeout=seconds)
        if ended:
            self._at_work.release()
        return ended

    def _run(self) -> None:
        beat, now = self.heartbeat, self._clock.now()
        if self.not_before is not None and now < self.not_before:
            return
        beat.started = now
        try:
            self._pass()
        except RateLimited as limited:
            self.not_before = limited.retry_at or now + timedelta(seconds=max(self.interval, 60.0))
            self._failed(limited)
            log.info("loop_waits", loop=self.name, until=self.not_before.isoformat(), detail=str(limited))
        except PlatformError as problem:
            self._failed(problem)
            log.warning("loop_pass_failed", loop=self.name, detail=str(problem))
        except Exception as bug:
            self._failed(bug)
            log.error("loop_pass_failed", loop=self.name, exc_info=bug)
        else:
            beat.failures_in_a_row, beat.failure = 0, None
        beat.passes += 1
        beat.finished = self._clock.now()

    def _failed(self, problem: Exception) -> None:
        self.heartbeat.failures_in_a_row += 1
        self.heartbeat.failure = f"{type(problem).__name__}: {problem}"

    def age(self) -> float | None:
        """Seconds since the last pass began, None before the first."""
        if self.heartbeat.started is None:
            return None
        return (self._clock.now() - self.heartbeat.started).total_seconds()

    @property
    def stalled(self) -> bool:
        """Whether a pass is long overdue and nobody asked to wait."""
        age, now = self.age(), self._clock.now()
        if self.not_before is not None and now < self.not_before + STALLED_AFTER:
            return False
        return age is not None and age > 3 * self.interval + STALLED_AFTER.total_seconds()


class Schedule:
    """Runs loops on APScheduler: the first pass at once, then one each interval."""

    def __init__(self, loops: Sequence[Loop]) -> None:
        """Nothing runs before `start`."""
        self.loops = tuple(loops)
        self._scheduler: BackgroundScheduler | None = None

    def start(self) -> None:
        """Begin; every loop's first pass comes at once."""
        executor = ThreadPoolExecutor(max_workers=len(self.loops))
        scheduler = BackgroundScheduler(executors={"default": executor}, timezone="UTC")
        for loop in self.loops:
            scheduler.add_job(
                loop.run_once,
                "interval",
                seconds=loop.interval,
                id=loop.name,
                next_run_time=datetime.now().astimezone(),
                max_instances=1,
                coalesce=True,
                misfire_grace_time=None,
            )
        scheduler.start()
        self._scheduler = scheduler

    def stop(self) -> None:
        """Begin no further pass. Those at work go on: see `Loop.join`."""
        for loop in self.loops:
            loop.stop()
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None
