"""The service: every part put together, started in order, stopped in order, and watched over.

    platform ─▶ watcher ─▶ [queue] ─▶ analyst ─▶ [outbox] ─▶ responder ─▶ platform
                              └──────── store (SQLite) ────────┘

One process holds one data folder (a lock file says so), hence every lease that is found at start belongs to
a process that died, and its work is taken up at once.
"""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import structlog

from bot.analyst import Analyst
from bot.checks import (
    check_credentials,
    check_engine,
    check_loop,
    check_media,
    check_money,
    check_posting,
    check_queue,
    check_store,
)
from bot.clock import Clock
from bot.errors import AlreadyRunning
from bot.flow import Flow
from bot.health import HealthReport
from bot.keeping import Keeper
from bot.listening import listen_to
from bot.loops import Loop, Schedule
from bot.platforms.base import Platform
from bot.platforms.gate import Budgets, Gate
from bot.responder import Responder
from bot.watcher import Watcher
from state.model import Step

log = structlog.get_logger()

STOP_SECONDS = 3.0
MIN_INTERVAL = 0.05


class DataFolderLock:
    """Holds a data folder for this process, until it is released or the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        """Take the lock.

        Raises:
            AlreadyRunning: another process holds the folder.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = (folder / "lock").open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise AlreadyRunning(
                f"another veritag process works in {folder}; stop it or set another data_dir"
            ) from error

    def release(self) -> None:
        """Let others have the folder."""
        self._file.close()


class Service:
    """The running bot, as a context manager: `with Service(...) as service: service.wait_until_idle()`."""

    def __init__(
        self,
        flow: Flow,
        platforms: Sequence[Platform],
        gates: Mapping[str, Gate],
        keeper: Keeper,
        clock: Clock,
        *,
        sweep_interval: float,
        watch_interval: float,
        analyst_interval: float,
        reply_interval: float,
        from_the_start: bool,
        page_pause: float,
        resolve_workers: int,
        in_flight: int,
        engine_problem: Callable[[], str | None] = lambda: None,
        stopping: threading.Event,
    ) -> None:
        """Make the loops; nothing runs before the context is entered. Intervals are in seconds."""
        self._flow = flow
        self._names = tuple(platform.name for platform in platforms)
        self._paces = {platform.name: platform.limits.min_reply_interval for platform in platforms}
        self._gates = gates
        self._engine_problem = engine_problem
        self._stopping = stopping
        self._ended: bool | None = None
        self._analyst = Analyst(
            flow,
            self._names,
            resolve_workers=resolve_workers,
            in_flight=in_flight,
            on_progress=self._wake_responders,
        )
        self._watchers = [
            Watcher(
                platform,
                flow,
                from_the_start=from_the_start,
                page_pause=page_pause,
                stopping=self._stopping,
                on_new=self._analyst.resolve_once,
            )
            for platform in platforms
        ]
        self._responders = [Responder(platform, flow, stopping=self._stopping) for platform in platforms]
        watching = [
            Loop(
                f"watcher:{platform.name}",
                max(watch_interval, platform.limits.min_poll_interval, MIN_INTERVAL),
                watcher.run_once,
                clock,
            )
            for platform, watcher in zip(platforms, self._watchers, strict=True)
        ]
        self._listening = listen_to(platforms, watching, clock, self._stopping)
        self._loops = [
            *watching,
            Loop("resolver", max(analyst_interval, MIN_INTERVAL), self._analyst.resolve_once, clock),
            Loop("analyst", max(analyst_interval, MIN_INTERVAL), self._analyst.analyse_once, clock),
            *(
                Loop(f"responder:{name}", max(reply_interval, MIN_INTERVAL), responder.run_once, clock)
                for name, responder in zip(self._names, self._responders, strict=True)
            ),
        ]
        self._keeper = keeper
        self._loops.append(Loop("media", sweep_interval, self._sweep, clock))
        self._workers = [
            self._analyst.resolving,
            self._analyst.analysing,
            *(responder.sending for responder in self._responders),
        ]
        self._schedule = Schedule(self._loops)

    def __enter__(self) -> Self:
        recovered = self._flow.store.queue.recover_all()
        log.info("started", platforms=list(self._names), mode=self._flow.store.mode, taken_up_again=recovered)
        self._schedule.start()
        for each in self._listening:
            each.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def new_mentions(self) -> int:
        """How many mentions this process has stored."""
        return sum(watcher.new for watcher in self._watchers)

    def wait(self) -> None:
        """Wait until somebody asks to stop."""
        self._stopping.wait()

    def wait_until_idle(self, poll: float = 0.1, on_work: Callable[[], None] = lambda: None) -> None:
        """Wait until every mention has come to its end, or somebody asks to stop.

        Args:
            on_work: called, maybe more than once, when there is something to do.
        """
        while not self._stopping.wait(poll):
            caught_up = all(watcher.caught_up for watcher in self._watchers)
            if self._open_steps():
                on_work()
            elif caught_up:
                self._wait_for_places()
                return

    def _wait_for_places(self) -> None:
        """What a place still does after its last commit, such as showing a reply, comes before the end."""
        while any(place.busy for place in self._workers) and not self._stopping.wait(MIN_INTERVAL):
            pass

    def _open_steps(self) -> int:
        return self._flow.store.queue.open_count(self._names, *self._steps())

    def _steps(self) -> tuple[Step, ...]:
        """The steps that are worked off now; while posting is paused nothing is sent."""
        if self._flow.pausing.reason() is not None:
            return (Step.RESOLVE, Step.ANALYSE, Step.RETRACT)
        return (Step.RESOLVE, Step.ANALYSE, Step.RETRACT, Step.SEND)

    def stop(self) -> bool:
        """Take up nothing new and wait a little for what is at work.

        Returns:
            Whether everything has ended; what has not is taken up again at the next start.
        """
        if self._ended is not None:
            return self._ended
        self._stopping.set()
        self._schedule.stop()
        for each in self._workers:
            each.stop()
        joins = [each.join for each in self._loops] + [each.join for each in self._workers]
        joins += [each.join for each in self._listening]
        deadline = time.monotonic() + STOP_SECONDS
        still_at_work = [join for join in joins if not join(max(0.0, deadline - time.monotonic()))]
        self._ended = not still_at_work
        log.info("stopped", clean=self._ended)
        return self._ended

    def health(self) -> HealthReport:
        """Whether the bot does its work now, and what is wrong if not."""
        store, holds = self._flow.store, self._flow.holds
        return HealthReport(
            (
                *(check_loop(loop) for loop in self._loops),
                *(each.check() for each in self._listening),
                check_store(store),
                *(check_queue(store, step, self._paces, holds) for step in self._steps()),
                check_posting(self._flow.pausing.reason()),
                *(check_credentials(name, holds.standing()) for name in self._names),
                *map(check_money, self.budgets()),
                check_media(self._keeper.last, self._keeper.quota),
                check_engine(self._engine_problem()),
            )
        )

    def budgets(self) -> list[Budgets]:
        """What is known of each platform's budgets, pauses and money."""
        return [gate.budgets() for gate in self._gates.values()]

    def wake(self) -> None:
        """Take up now what an operator has queued, rather than at the next pass."""
        self._analyst.resolve_once()
        self._analyst.analyse_once()
        self._wake_responders()

    def _sweep(self) -> None:
        self._keeper.sweep()

    def _wake_responders(self) -> None:
        for responder in self._responders:
            responder.wake()
