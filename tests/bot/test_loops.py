"""Loops: they go on whatever a pass does, they wait when asked to, and it can be seen."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from bot.checks import check_loop
from bot.clock import FakeClock
from bot.errors import PlatformUnavailable, RateLimited
from bot.loops import Loop, Schedule

START = datetime(2026, 1, 1, tzinfo=UTC)


class Passes:
    def __init__(self) -> None:
        self.count = 0
        self.problem: Exception | None = None

    def __call__(self) -> None:
        self.count += 1
        if self.problem is not None:
            raise self.problem


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START)


@pytest.fixture
def passes() -> Passes:
    return Passes()


@pytest.fixture
def loop(passes: Passes, clock: FakeClock) -> Loop:
    return Loop("watcher:inbox", 60, passes, clock)


@pytest.mark.parametrize("problem", [PlatformUnavailable("500"), ZeroDivisionError("bug")])
def test_a_failing_pass_is_counted_and_the_next_one_heals(
    loop: Loop, passes: Passes, problem: Exception
) -> None:
    passes.problem = problem
    loop.run_once()
    loop.run_once()
    assert loop.heartbeat.failures_in_a_row == 2
    check = check_loop(loop)
    assert not check.ok
    assert str(problem) in check.detail
    passes.problem = None
    loop.run_once()
    assert check_loop(loop).ok
    assert loop.heartbeat.passes == 3


def test_a_rate_limit_is_waited_out_without_a_request(loop: Loop, passes: Passes, clock: FakeClock) -> None:
    passes.problem = RateLimited("slow down", START + timedelta(minutes=15))
    loop.run_once()
    passes.problem = None
    for _ in range(14):
        clock.advance(60)
        loop.run_once()
    assert passes.count == 1
    assert not loop.stalled
    clock.advance(60)
    loop.run_once()
    assert passes.count == 2


def test_a_rate_limit_without_a_time_waits_a_minute_at_least(passes: Passes, clock: FakeClock) -> None:
    loop = Loop("fast", 1, passes, clock)
    passes.problem = RateLimited("slow down")
    loop.run_once()
    clock.advance(59)
    loop.run_once()
    assert passes.count == 1
    clock.advance(1)
    loop.run_once()
    assert passes.count == 2


def test_a_loop_without_passes_is_seen(loop: Loop, clock: FakeClock) -> None:
    assert check_loop(loop).ok
    loop.run_once()
    clock.advance(239)
    assert check_loop(loop).ok
    clock.advance(2)
    check = check_loop(loop)
    assert not check.ok
    assert "no pass for 241 s" in check.detail


def test_the_schedule_begins_at_once_and_survives_failures() -> None:
    class RealClock:
        def now(self) -> datetime:
            return datetime.now(UTC)

    enough = threading.Event()
    count = 0

    def one_pass() -> None:
        nonlocal count
        count += 1
        if count == 3:
            enough.set()
        raise ValueError("always")

    at_once = threading.Event()
    schedule = Schedule(
        [Loop("fast", 0.05, one_pass, RealClock()), Loop("slow", 3600, at_once.set, RealClock())]
    )
    schedule.start()
    assert at_once.wait(2)
    assert enough.wait(5)
    schedule.stop()
    schedule.stop()
