"""Threads that wait for services, so that the networks' thread does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any

from analysis.errors import EngineFailed

AT_ONCE = 4
"""Media about which services are asked at the same time; each keeps its decoded form in memory."""
_CLOSED = "the engine was closed while a service was asked; try again"


class Asking:
    """Runs steps that wait for services, each on a thread of its own, a few at the same time."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._slots = threading.BoundedSemaphore(at_once)
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._running: dict[threading.Thread, Future[Any]] = {}

    def start(self, step: Callable[[], None], future: Future[Any]) -> None:
        """Run a step that settles ``future``; blocks while too many run.

        Raises:
            EngineFailed: closed before there was room.
        """
        while not self._slots.acquire(timeout=0.1):
            if self._closed.is_set():
                raise EngineFailed(_CLOSED)
        # A daemon: a service that takes minutes to answer must not keep the process.
        thread = threading.Thread(target=self._run, args=(step,), name="services", daemon=True)
        with self._lock:
            self._running[thread] = future
        thread.start()

    def close(self) -> None:
        """Let nobody wait for room any more."""
        self._closed.set()

    def drain(self, seconds: float) -> None:
        """Wait for the steps that run, then fail the futures of those that still do. Safe to call twice."""
        until = time.monotonic() + seconds
        with self._lock:
            running = list(self._running.items())
        for thread, future in running:
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                settle(future, EngineFailed(_CLOSED))

    def _run(self, step: Callable[[], None]) -> None:
        try:
            step()
        finally:
            with self._lock:
                del self._running[threading.current_thread()]
            self._slots.release()


def settle(future: Future[Any], outcome: object) -> None:
    """Give a future its result or, where that is an exception, its error; one that is done stays as it is."""
    with suppress(InvalidStateError):
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
