"""Listening: where a platform tells what is new, its watcher reads at once instead of at its next pass.

A stream is held as long as it lasts, then the next one is opened, with back-off. Without any stream nothing
is lost: the watcher goes on reading at its interval. So what goes wrong here is shown and is never a fault.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence

import structlog

from bot.clock import Clock
from bot.errors import PlatformError, RateLimited
from bot.health import Check
from bot.loops import Loop
from bot.platforms.base import Platform, Pushing

log = structlog.get_logger()

FIRST_WAIT = 1.0
LONGEST_WAIT = 300.0
STEADY = 60.0
"""Seconds; a stream that lasted so long was a good one, and the next wait is the first again."""

LEAST_PAUSE = 0.2
_LOOK = 0.5


class Listening:
    """One platform's streams, and the passes of its watcher that they ask for."""

    def __init__(
        self,
        name: str,
        listen: Callable[[Callable[[], None], threading.Event], None],
        watcher: Loop,
        clock: Clock,
        *,
        pause: float,
        stopping: threading.Event,
    ) -> None:
        """``listen`` as in `Pushing`; ``pause`` is the least time in seconds between two passes."""
        self.name = f"stream:{name}"
        self._listen = listen
        self._watcher = watcher
        self._clock = clock
        self._pause = max(pause, LEAST_PAUSE)
        self._stopping = stopping
        self._news = threading.Event()
        self._told = 0
        self._problem: str | None = None
        self._threads = [
            threading.Thread(target=self._hold_streams, name=self.name, daemon=True),
            threading.Thread(target=self._wake_watcher, name=f"{self.name}:wake", daemon=True),
        ]

    def start(self) -> None:
        """Begin to listen."""
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for the end after ``stopping`` was set; False where it has not come in that time."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def check(self) -> Check:
        """How it stands, for health; always well, because mentions are read without it, too."""
        problem = self._problem
        heard = f"{self._told} signs of news"
        return Check(self.name, True, f"{heard}; no stream now: {problem}" if problem else heard)

    def _hold_streams(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            wait = 0.0
            try:
                self._listen(self._hear, self._stopping)
                self._problem = "it ended"
            except RateLimited as limited:
                self._problem = str(limited)
                if limited.retry_at is not None:
                    wait = (limited.retry_at - self._clock.now()).total_seconds()
            except PlatformError as problem:
                self._problem = str(problem)
            except Exception as bug:  # the edge: a stream that cannot be read never stops the bot
                self._problem = f"{type(bug).__name__}: {bug}"
                log.error("stream_failed", stream=self.name, exc_info=bug)
            failures = 0 if time.monotonic() - began >= STEADY else failures + 1
            wait = max(wait, back_off(failures))
            if not self._stopping.is_set():
                log.info("stream_ended", stream=self.name, detail=self._problem, next_in=round(wait, 1))
            self._stopping.wait(wait)

    def _hear(self) -> None:
        self._problem = None
        self._told += 1
        self._news.set()

    def _wake_watcher(self) -> None:
        # Signs that come during a pass or its pause are answered by one pass.
        while not self._stopping.is_set():
            if self._news.wait(_LOOK):
                self._news.clear()
                self._watcher.run_once()
                self._stopping.wait(self._pause)


def back_off(failures: int) -> float:
    """Seconds before the next stream: doubling from `FIRST_WAIT`, with jitter over the upper half."""
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** max(0, failures - 1))
    return longest * random.uniform(0.5, 1.0)


def listen_to(
    platforms: Sequence[Platform], loops: Sequence[Loop], clock: Clock, stopping: threading.Event
) -> list[Listening]:
    """A `Listening` for each platform that tells what is new; ``loops`` are their watchers', in order."""
    return [
        Listening(
            platform.name,
            platform.listen,
            loop,
            clock,
            pause=platform.limits.min_poll_interval,
            stopping=stopping,
        )
        for platform, loop in zip(platforms, loops, strict=True)
        if isinstance(platform, Pushing)
    ]
