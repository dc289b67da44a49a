"""Workers: places are filled, jobs are never left lying, a slow one blocks nobody."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import pytest

from bot.workers import Workers
from state.model import Job, Step


def job(number: int) -> Job:
    return Job(number, "inbox", Step.SEND, number, "lease", 0, 0)


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


class Line:
    """A queue of jobs, and what was done."""

    def __init__(self, count: int = 0) -> None:
        self.waiting = deque(job(n) for n in range(count))
        self.done: list[int] = []
        self.lock = threading.Lock()
        self.slow = threading.Event()

    def claim(self, limit: int) -> list[Job]:
        with self.lock:
            return [self.waiting.popleft() for _ in range(min(limit, len(self.waiting)))]

    def run(self, job: Job) -> None:
        if job.id == 0:
            self.slow.wait(5)
        self.done.append(job.id)


def test_one_slow_job_blocks_nobody() -> None:
    line = Line(20)
    workers = Workers("w", 3, line.claim, line.run)
    workers.top_up()
    until(lambda: len(line.done) == 19)
    until(lambda: workers.busy == 1)
    line.waiting.append(job(99))
    workers.top_up()
    until(lambda: 99 in line.done)
    line.slow.set()
    assert workers.join(5)
    assert sorted(line.done) == [*range(20), 99]


def test_a_job_that_comes_while_places_are_given_up_is_still_taken() -> None:
    for _ in range(200):
        line = Line()
        workers = Workers("w", 2, line.claim, line.run)
        for number in range(1, 6):
            line.waiting.append(job(number))
            workers.top_up()
        until(lambda line=line: len(line.done) == 5)  # type: ignore[misc]
        workers.stop()
        assert workers.join(5)


def test_after_stop_nothing_new_is_taken() -> None:
    line = Line(5)
    workers = Workers("w", 1, line.claim, line.run)
    workers.top_up()
    until(lambda: workers.busy == 1)
    workers.stop()
    line.slow.set()
    assert workers.join(5)
    assert line.done == [0]
    workers.top_up()
    assert line.done == [0]


def test_a_queue_that_cannot_be_read_is_shown_and_tried_again() -> None:
    line = Line()
    failing = True

    def claim(limit: int) -> list[Job]:
        if failing:
            raise OSError("disk full")
        return line.claim(limit)

    workers = Workers("w", 1, claim, line.run)
    with pytest.raises(OSError, match="disk full"):
        workers.top_up()
    failing = False
    line.waiting.append(job(1))
    workers.top_up()
    until(lambda: line.done == [1])
    assert workers.join(5)


def test_join_says_when_somebody_is_still_at_work() -> None:
    line = Line(1)
    workers = Workers("w", 1, line.claim, line.run)
    workers.top_up()
    until(lambda: workers.busy == 1)
    workers.stop()
    assert not workers.join(0.1)
    line.slow.set()
    assert workers.join(5)
