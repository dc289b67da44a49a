"""The leases of jobs that this process works on: they do not run out while it does, however long it takes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from state.model import Job
from state.store import Store


class Leases:
    """Safe to use from several threads."""

    def __init__(self, store: Store, length: timedelta) -> None:
        """`length` is how long a lease holds without being renewed."""
        self.length = length
        self._store = store
        self._at_work: dict[int, Job] = {}
        self._renewed_at = store.now()
        self._guard = threading.Lock()

    @contextmanager
    def working(self, job: Job) -> Iterator[None]:
        """The block works on this job."""
        with self._guard:
            self._at_work[job.id] = job
        try:
            yield
        finally:
            with self._guard:
                if self._at_work.get(job.id) is job:
                    del self._at_work[job.id]

    def renew(self) -> None:
        """Renew what is at work. Call before every claim: only a claim takes leases that have run out."""
        with self._guard:
            now = self._store.now()
            if now - self._renewed_at < self.length / 3:
                return
            self._renewed_at = now
            jobs = tuple(self._at_work.values())
        if jobs:
            self._store.queue.renew(jobs, self.length)
