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
from types import FrameType
from typing import TYPE_CHECKING, Protocol

import structlog

from bot.assembly import (
    build_analyzer,
    build_cards,
    build_flow,
    build_keeper,
    build_platforms,
    build_recall,
    build_resolver,
    build_service,
    open_store,
)
from bot.gates import build_gates
from bot.pausing import begin_as_configured
from bot.service import DataFolderLock
from bot.site_changes import note_changes
from bot.web.serving import Parts, serving

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
        store = open_store(settings)
        stack.callback(store.close)
        begin_as_configured(store, stop_posting=settings.manners.stop_posting)
        gates = build_gates(settings, store)
        platforms = build_platforms(settings, gates)
        for platform in platforms:
            stack.callback(platform.close)
        resolver = build_resolver(settings, watch=note_changes(store))
        stack.callback(resolver.close)
        analyzer = make_analyzer(settings, build_recall(settings, store))
        stack.callback(analyzer.close)
        cards = build_cards(settings, store, resolver) if settings.reply.card else None
        if cards is not None:
            stack.callback(cards.close)
        flow = build_flow(settings, store, platforms, resolver, analyzer, spectator.closed, cards)
        engine = Engine(analyzer, spectator.loading)
        keeper = build_keeper(settings, store, resolver.files)
        service = build_service(settings, flow, platforms, gates, keeper, engine.problem, stopping)
        if settings.web.enabled:
            parts = Parts(settings, store, flow, analyzer, resolver, keeper, platforms, service)
            stack.enter_context(serving(parts))
        with service:
            if until_idle:
                service.wait_until_idle(on_work=engine.start)
                spectator.idle(store, service.new_mentions)
            else:
                engine.start()
                service.wait()
            ended = service.stop()
        if not ended:
            _leave(stack)


class Engine:
    """The analyzer's start-up beside the loops, so that mentions are stored while detectors load."""

    def __init__(self, analyzer: Analyzer, on_progress: Callable[[str], None]) -> None:
        self._analyzer = analyzer
        self._on_progress = on_progress
        self._problem: str | None = "loading"
        self._started = False

    def start(self) -> None:
        """Begin to load, unless that was begun before."""
        if not self._started:
            self._started = True
            threading.Thread(target=self._load, name="engine-start", daemon=True).start()

    def _load(self) -> None:
        try:
            self._analyzer.warm_up(self._on_progress)
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


def _leave(stack: ExitStack) -> None:
    """End the process now: a thread that is still at work must not keep it."""
    log.warning("left_unfinished", detail="what was at work is taken up again at the next start")
    sys.stdout.flush()
    sys.stderr.flush()
    stack.pop_all()
    os._exit(0)
