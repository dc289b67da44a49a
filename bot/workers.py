"""A few threads that work off one kind of job: as many at once as there are places, the oldest first.

Jobs are claimed several at a time, as many as places are free, and again when half of them are done: one look
at the queue serves many jobs, and one slow job keeps one place and never the others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from state.model import Job

log = structlog.get_logger()

POLL_SECONDS = 0.02


class Workers:
    """Threads over `claim` and `run`; both must be safe to call from several threads."""

    def __init__(
        self, name: str, places: int, claim: Callable[[int], Sequence[Job]], run: Callable[[Job], None]
    ) -> None:
        """`claim(n)` gives at most n jobs; `run` must not raise: whatever a job does is its own affair."""
        self._claim = claim
        self._run = run
        self._places = places
        self._busy = 0
        self._batch = 0
        self._batch_size = 0
        self._batch_left = 0
        self._wanted = False
        self._lock = threading.Lock()
        self._claiming = threading.Lock()
        self._stopping = False
        self._pool = ThreadPoolExecutor(places, thread_name_prefix=name)

    @property
    def busy(self) -> int:
        """How many places are taken."""
        return self._busy

    def top_up(self) -> None:
        """Put every free place to work on what is due; returns at once.

        Raises:
            Exception: the queue cannot be read; the caller's loop shows it.
        """
        self._wanted = True
        # Whoever is claiming already looks again before it leaves.
        while self._wanted and not self._stopping and self._claiming.acquire(blocking=False):
            try:
                self._wanted = False
                self._claim_batch()
            finally:
                self._claiming.release()

    def _claim_batch(self) -> None:
        free = self._places - self._busy
        jobs = self._claim(free) if free > 0 else ()
        if not jobs:
            return
        with self._lock:
            self._busy += len(jobs)
            self._batch += 1
            self._batch_size = self._batch_left = len(jobs)
            batch = self._batch
        for job in jobs:
            self._pool.submit(self._work, job, batch)

    def _work(self, job: Job, batch: int) -> None:
        try:
            self._run(job)
        except Exception as bug:
            log.error("worker_failed", job=job.id, step=job.step, exc_info=bug)
        finally:
            with self._lock:
                self._busy -= 1
                self._batch_left -= batch == self._batch
                look = batch != self._batch or 2 * self._batch_left <= self._batch_size
            if look:
                self.top_up()

    def stop(self) -> None:
        """Take no further job; those at work are finished by their places."""
        self._stopping = True

    def join(self, seconds: float) -> bool:
        """Wait for the places that are at work; False where some still are after that time."""
        deadline = time.monotonic() + seconds
        while self._busy > 0 and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        self._pool.shutdown(wait=False)
        return self._busy == 0
