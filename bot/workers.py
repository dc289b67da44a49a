"""A few threads that drain one kind of job: as many at once as there are places, each taking the oldest next.

`top_up` fills the free places and returns at once; a place that finds nothing to do is given up. One slow job
keeps one place and never the others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from state.model import Job


class Workers:
    """Threads over `claim` and `run`; both must be safe to call from several threads."""

    def __init__(
        self, name: str, places: int, claim: Callable[[], Job | None], run: Callable[[Job], None]
    ) -> None:
        """`run` must not raise: whatever a job does is its own affair."""
        self._claim = claim
        self._run = run
        self._places = places
        self._busy = 0
        self._more = False
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(places, thread_name_prefix=name)
        self.failure: BaseException | None = None

    @property
    def busy(self) -> int:
        """How many places are taken."""
        return self._busy

    def top_up(self) -> None:
        """Put every free place to work.

        Raises:
            Exception: what ended a place since the last call, so that the loop which calls this can show it.
        """
        failure, self.failure = self.failure, None
        with self._lock:
            self._more = True
            free = 0 if self._stopping.is_set() else self._places - self._busy
            self._busy += free
        for _ in range(free):
            self._pool.submit(self._drain)
        if failure is not None:
            raise failure

    def _drain(self) -> None:
        try:
            while self._wanted():
                job = self._claim()
                if job is not None:
                    self._more = True
                    self._run(job)
        except BaseException as failure:  # noqa: BLE001 - the edge of a thread: shown by the next `top_up`
            self.failure = failure
            with self._lock:
                self._busy -= 1

    def _wanted(self) -> bool:
        """Whether to look for another job; if not, the place is given up in the same breath."""
        with self._lock:
            wanted = self._more and not self._stopping.is_set()
            self._more = False
            if not wanted:
                self._busy -= 1
            return wanted

    def stop(self) -> None:
        """Take no further job; those at work are finished by their places."""
        self._stopping.set()

    def join(self, seconds: float) -> bool:
        """Wait for the places that are at work; False where some still are after that time."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        deadline = threading.Event()
        for _ in range(max(1, int(seconds / 0.02))):
            if self._busy == 0:
                return True
            deadline.wait(0.02)
        return self._busy == 0
