"""The life of the service's process: take the data folder, put the parts together, run, stop cleanly.

SIGTERM and SIGINT ask for a clean stop. What has not ended a few seconds later is left: every lease that it
holds is free again at the next start.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Protocol

import structlog

from bot.assembly import build_analyzer
from bot.parts import put_together
from bot.pausing import begin_as_configured
from bot.service import DataFolderLock
from bot.web.serving import serving

if TYPE_CHECKING:
    from analysis.model import Analyzer, Recall
    from bot.config import Settings
    from state.model import MentionRow, ReplyRow
    from state.store import Store

log = structlog.get_logger()


class Spectator(Protocol):
    """Whoever watches a run: the terminal of `veritag run`."""

    def loading(self, step: str) -> None:
        """A step of the engine's start-up begins."""

    def closed(self, mention: MentionRow, reply: ReplyRow | None) -> None:
        """A mention has come to its end, with this reply or without one."""

    def idle(self, store: Store, new: int) -> None:
        """Nothing is left to do (only with `until_idle`); `new` mentions came in this run."""


def run(
    settings: Settings,
    spectator: Spectator,
    *,
    until_idle: bool = False,
    make_analyzer: Callable[[Settings, Recall | None], Analyzer] = build_analyzer,
) -> None:
    """Run the bot until it is asked to stop, or until nothing is left to do.

    Raises:
        ConfigError, AlreadyRunning: before anything was changed.
    """
    with ExitStack() as stack:
        stopping = threading.Event()
        stack.enter_context(_asked_to_stop(stopping))
        lock = DataFolderLock(settings.data_dir)
        stack.callback(lock.release)
        engine = Engine(spectator.loading)
        parts = stack.enter_context(
            put_together(
                settings,
                make_analyzer,
                stopping,
                draws_cards=settings.reply.card,
                on_closed=spectator.closed,
                engine_problem=engine.problem,
            )
        )
        begin_as_configured(parts.store, stop_posting=settings.manners.stop_posting)
        if settings.web.enabled:
            stack.enter_context(serving(parts))
        start_engine = partial(engine.start, parts.analyzer)
        with parts.service as service:
            if until_idle:
                service.wait_until_idle(on_work=start_engine)
                spectator.idle(parts.store, service.new_mentions)
            else:
                start_engine()
                service.wait()
            ended = service.stop()
        if not ended:
            _leave()


class Engine:
    """The analyzer's start-up beside the loops, so that mentions are stored while detectors load."""

    def __init__(self, on_progress: Callable[[str], None]) -> None:
        self._on_progress = on_progress
        self._problem: str | None = "loading"
        self._started = False

    def start(self, analyzer: Analyzer) -> None:
        """Begin to load, unless that was begun before."""
        if not self._started:
            self._started = True
            threading.Thread(target=self._load, args=(analyzer,), name="engine-start", daemon=True).start()

    def _load(self, analyzer: Analyzer) -> None:
        try:
            analyzer.warm_up(self._on_progress)
        except Exception as problem:
            log.error("engine_start_failed", detail=str(problem), exc_info=problem)
            self._problem = str(problem)
        else:
            self._problem = None

    def problem(self) -> str | None:
        """Why the engine cannot judge now, None if it can."""
        return self._problem


@contextmanager
def _asked_to_stop(stopping: threading.Event) -> Iterator[None]:
    """From here on SIGTERM and SIGINT ask for a clean stop, also while the parts are still put together."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave() -> None:
    """End the process now: a thread that is still at work must not keep it."""
    log.warning("left_unfinished", detail="what was at work is taken up again at the next start")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
