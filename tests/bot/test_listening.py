"""Listening: streams that wake a watcher at once, end, break and come again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import listening
from bot.clock import FakeClock, SystemClock
from bot.errors import PlatformUnavailable, RateLimited
from bot.listening import Listening, back_off, listen_to
from bot.loops import Loop
from bot.platforms.base import Pushing
from bot.platforms.inbox import InboxPlatform
from bot.platforms.reply_log import ReplyLog
from bot.platforms.simulated import simulate
from tests.bot.platforms.inbox_world import InboxWorld

START = datetime(2026, 1, 1, tzinfo=UTC)


class Stream:
    """A platform's streams: each thing in `plan` is what one of them does; then they wait."""

    def __init__(self, *plan: Exception | int) -> None:
        self.plan = list(plan)
        self.opened = 0

    def listen(self, on_news: Callable[[], None], stopping: threading.Event) -> None:
        self.opened += 1
        if not self.plan:
            stopping.wait()
            return
        act = self.plan.pop(0)
        if isinstance(act, Exception):
            raise act
        for _ in range(act):
            on_news()


class Held:
    """A `Listening` over a stream, and the passes that it asks for."""

    def __init__(self, stream: Stream, pause: float = 0.0) -> None:
        self.passes: list[float] = []
        self.stopping = threading.Event()
        self.stream = stream
        clock = SystemClock()
        loop = Loop("watcher:x", 3600, lambda: self.passes.append(time.monotonic()), clock)
        self.listening = Listening("x", stream.listen, loop, clock, pause=pause, stopping=self.stopping)

    def __enter__(self) -> Held:
        self.listening.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        assert self.listening.join(3)

    def until(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 5
        while not done():
            assert time.monotonic() < deadline, self.listening.check()
            time.sleep(0.005)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(listening, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(listening, "LEAST_PAUSE", 0.0)
    return


def test_news_wakes_the_watcher_at_once() -> None:
    began = time.monotonic()
    with Held(Stream(1)) as held:
        held.until(lambda: bool(held.passes))
    assert held.passes[0] - began < 1


def test_a_burst_of_news_is_one_pass_or_two() -> None:
    with Held(Stream(500), pause=0.2) as held:
        held.until(lambda: bool(held.passes))
        time.sleep(0.5)
    assert len(held.passes) <= 2
    assert "500 signs of news" in held.listening.check().detail


def test_two_passes_keep_the_platform_s_distance() -> None:
    with Held(Stream(1, 1, 1), pause=0.3) as held:
        held.until(lambda: len(held.passes) >= 2)
    assert held.passes[1] - held.passes[0] >= 0.3


@pytest.mark.parametrize("problem", [PlatformUnavailable("it broke"), ZeroDivisionError("bug")])
def test_a_broken_stream_is_shown_and_opened_again(problem: Exception) -> None:
    with Held(Stream(problem, 1)) as held:
        held.until(lambda: bool(held.passes) and held.stream.opened == 3)
    with Held(Stream(*[problem] * 500)) as held:
        held.until(lambda: held.stream.opened > 1)
        check = held.listening.check()
    assert check.ok
    assert f"no stream now: {problem}" in check.detail.replace("ZeroDivisionError: ", "")


def test_a_time_that_is_named_is_waited_for() -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    with Held(Stream(RateLimited("slow down", until))) as held:
        held.until(lambda: "slow down" in held.listening.check().detail)
        time.sleep(0.1)
    assert held.stream.opened == 1


def test_waits_double_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "FIRST_WAIT", 1.0)
    waits = [max(back_off(failures) for _ in range(50)) for failures in range(1, 30)]
    assert all(wait <= listening.LONGEST_WAIT for wait in waits)
    assert waits[0] <= 1 < waits[2] < waits[5]
    assert min(back_off(1000) for _ in range(50)) >= listening.LONGEST_WAIT / 2


def test_only_platforms_that_push_are_listened_to(tmp_path: Path) -> None:
    inbox = InboxPlatform(InboxWorld(tmp_path / "inbox").folder)
    loop = Loop("watcher:inbox", 60, lambda: None, FakeClock(START))
    assert listen_to([inbox], [loop], FakeClock(START), threading.Event()) == []


def test_test_mode_passes_a_stream_through(tmp_path: Path) -> None:
    class PushingInbox(InboxPlatform):
        def listen(self, on_news: Callable[[], None], stopping: threading.Event) -> None:
            on_news()

    folder = InboxWorld(tmp_path / "inbox").folder
    log = ReplyLog(tmp_path / "log.jsonl")
    assert not isinstance(simulate(InboxPlatform(folder), log), Pushing)
    simulated = simulate(PushingInbox(folder), log)
    assert isinstance(simulated, Pushing)
    heard: list[bool] = []
    simulated.listen(lambda: heard.append(True), threading.Event())
    assert heard == [True]
