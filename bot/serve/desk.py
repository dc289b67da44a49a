"""The desk: takes requests for analyses up to a bound, works on a few at a time, keeps what came of them."""

from __future__ import annotations

import contextlib
import math
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from analysis.errors import EngineFailed
from bot.judging import Fault, Judge, Outcome, Started

if TYPE_CHECKING:
    from analysis.model import Analysis
    from bot.resolver import Resolver

_MOST_FINISHED = 1000
_STAGES_BESIDE_DETECTORS = 4  # probe, decode, views, ensemble
_LEAST_WAIT, _FIRST_GUESS = 1, 5.0


class Engine(Protocol):
    """What the desk asks of the engine; see `analysis.engine.EmbeddedAnalyzer`."""

    def submit(
        self,
        path: Path,
        *,
        only: Sequence[str] | None = None,
        on_stage: Callable[[str], None] | None = None,
    ) -> Future[Analysis]:
        """Queue one file for analysis."""


class Busy(Exception):
    """The queue is full; ``retry_after`` is a guess in seconds when it will not be."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many requests wait; try again in {retry_after} s")
        self.retry_after = retry_after


class State(StrEnum):
    """How far a job is."""

    QUEUED = "queued"
    FETCHING = "fetching"
    ANALYSING = "analysing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(eq=False)
class Job:
    """One request: a URL, or an uploaded file that is removed when it is done.

    ``progress`` in [0, 1] counts the engine's stages over the media that are known so far.
    """

    given: str
    upload: Path | None = None
    only: tuple[str, ...] | None = None
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    state: State = State.QUEUED
    stage: str | None = None
    started: float = field(default_factory=time.time)
    ended: float | None = None
    done: Future[Outcome] = field(default_factory=Future)
    _stages: float = 0.0
    _media: int = 0
    _started: Started | None = None
    _cancelled: bool = False

    @property
    def progress(self) -> float:
        """Share of the work that is done."""
        if self.ended is not None:
            return 1.0
        return min(self._stages / max(self._media, 1), 0.99)


class Desk:
    """Takes jobs and works on ``workers`` of them at a time; ``queue`` more may wait.

    ``detectors`` are the engine's, by name. Safe to use from many threads. `close` ends what waits.
    """

    def __init__(
        self,
        engine: Engine,
        resolver: Callable[[], Resolver],
        detectors: Sequence[str],
        *,
        workers: int = 4,
        queue: int = 32,
        keep_seconds: float = 3600.0,
    ) -> None:
        self.detectors = tuple(detectors)
        self._engine = engine
        self._resolver = resolver
        self._bound = workers + queue
        self._workers = workers
        self._keep = keep_seconds
        self._jobs: dict[str, Job] = {}
        self._open = 0
        self._mean = _FIRST_GUESS
        self._lock = threading.Lock()
        self._fetching = 0
        self._fetched: Counter[Path] = Counter()
        self._closed = False
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="desk")

    @property
    def open(self) -> int:
        """Jobs that wait or are worked on."""
        return self._open

    def take(self, job: Job) -> Job:
        """Queue a job.

        Raises:
            Busy: too many wait.
            EngineFailed: the desk is closed.
        """
        with self._lock:
            if self._closed:
                raise EngineFailed("the engine is closed")
            if self._open >= self._bound:
                waves = self._open / self._workers
                raise Busy(max(math.ceil(self._mean * waves / 2), _LEAST_WAIT))
            self._open += 1
            self._forget_old()
            self._jobs[job.id] = job
            self._pool.submit(self._work, job)
        return job

    def find(self, number: str) -> Job | None:
        """The job of that id, if it is still known."""
        with self._lock:
            self._forget_old()
            return self._jobs.get(number)

    def cancel(self, job: Job) -> None:
        """Give a job up: what has not begun never begins, and what comes of the rest is thrown away."""
        with self._lock:
            job._cancelled = True
            started = job._started
        for future in started.futures if started else ():
            future.cancel()

    def close(self) -> None:
        """Take no more, give up what is here. Safe to call twice."""
        with self._lock:
            self._closed = True
            jobs = [job for job in self._jobs.values() if job.ended is None]
        for job in jobs:
            self.cancel(job)
        self._pool.shutdown(wait=True)

    def _work(self, job: Job) -> None:
        begun = time.monotonic()
        try:
            outcome = self._judge(job)
        except Exception as error:  # noqa: BLE001 - the edge of this thread: every job ends
            detail = f"the analysis failed ({type(error).__name__}: {error})"
            outcome = Outcome(job.given, (), Fault("engine_failed", detail, unusable=False))
        finally:
            if job.upload is not None:
                with contextlib.suppress(FileNotFoundError):
                    job.upload.unlink()
        with self._lock:
            self._open -= 1
            self._mean += 0.2 * (time.monotonic() - begun - self._mean)
            job.ended = time.time()
            job.state = _end_of(job, outcome)
        job.done.set_result(outcome)

    def _judge(self, job: Job) -> Outcome:
        if job._cancelled:
            return Outcome(job.given, (), Fault("cancelled", "the request was cancelled"))
        judge = Judge(lambda: _Asked(self._engine, job, len(self.detectors)), self._resolver)
        job.state = State.ANALYSING if job.upload else State.FETCHING
        started = judge.start_file(job.upload, job.given) if job.upload else self._fetch(judge, job.given)
        with self._lock:
            job._started, job.state = started, State.ANALYSING
            cancelled = job._cancelled
        if cancelled:
            self.cancel(job)
        outcome = started.finish()
        self._drop(started)
        return outcome

    def _fetch(self, judge: Judge, url: str) -> Started:
        with self._lock:
            self._fetching += 1
        try:
            started = judge.start_url(url)
        except BaseException:
            with self._lock:
                self._fetching -= 1
            raise
        with self._lock:
            self._fetching -= 1
            self._fetched.update(started.files)
        return started

    def _drop(self, started: Started) -> None:
        """Remove fetched files that no job needs any more; one that fetches may be about to need them."""
        with self._lock:
            self._fetched.subtract(started.files)
            if self._fetching:
                return
            unused = [path for path, uses in self._fetched.items() if uses <= 0]
            for path in unused:
                path.unlink(missing_ok=True)
                del self._fetched[path]

    def _forget_old(self) -> None:
        limit = time.time() - self._keep
        ended = [job for job in self._jobs.values() if job.ended is not None]
        surplus = len(ended) - _MOST_FINISHED
        for number, job in enumerate(ended):
            if number < surplus or (job.ended or 0) < limit:
                del self._jobs[job.id]


def _end_of(job: Job, outcome: Outcome) -> State:
    if job._cancelled:
        return State.CANCELLED
    return State.DONE if outcome.analyses or outcome.fault is None else State.FAILED


class _Asked:
    """The engine, asked on behalf of one job."""

    def __init__(self, engine: Engine, job: Job, detectors: int) -> None:
        self._engine = engine
        self._job = job
        self._share = 1 / (_STAGES_BESIDE_DETECTORS + len(job.only or range(detectors)))

    def submit(self, path: Path) -> Future[Analysis]:
        self._job._media += 1
        return self._engine.submit(path, only=self._job.only, on_stage=self._tell)

    def _tell(self, stage: str) -> None:
        self._job.stage = stage
        self._job._stages += self._share
