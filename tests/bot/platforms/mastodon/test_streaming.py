"""The user stream, with the stand-in's events."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bot.errors import CredentialsRefused, PlatformError, PlatformUnavailable, RateLimited
from bot.platforms.mastodon import MastodonPlatform, streaming
from bot.platforms.mastodon.streaming import stream_url
from bot.standins.faults import Fault, FaultKind
from bot.standins.mastodon import api
from tests.bot.platforms.mastodon.world import MastodonWorld


class Listener:
    """Somebody who listens in a thread, until they stop."""

    def __init__(self, platform: MastodonPlatform) -> None:
        self.news = 0
        self.stopping = threading.Event()
        self.problem: PlatformError | None = None
        self._platform = platform
        self.thread = threading.Thread(target=self._listen, daemon=True)

    def _listen(self) -> None:
        try:
            self._platform.listen(self._hear, self.stopping)
        except PlatformError as problem:
            self.problem = problem

    def _hear(self) -> None:
        self.news += 1

    def until(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 5
        while not done():
            assert time.monotonic() < deadline, (self.news, self.problem)
            time.sleep(0.005)


@contextmanager
def listening(platform: MastodonPlatform) -> Iterator[Listener]:
    listener = Listener(platform)
    listener.thread.start()
    yield listener
    listener.stopping.set()
    began = time.monotonic()
    listener.thread.join(5)
    assert not listener.thread.is_alive()
    assert time.monotonic() - began < 2


def test_a_mention_is_news_at_once_and_a_stop_is_heard_soon(world: MastodonWorld) -> None:
    with listening(world.connect()) as listener:
        listener.until(lambda: listener.news == 1)  # the stream stands
        world.mention("real?")
        listener.until(lambda: listener.news == 2)
        world.post("nothing to do with the bot")
        world.mention("real?")
        listener.until(lambda: listener.news == 3)
    assert listener.problem is None


def test_signs_of_life_are_no_news(world: MastodonWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "BEAT", 0.05)
    with listening(world.connect()) as listener:
        listener.until(lambda: listener.news == 1)
        time.sleep(0.3)
    assert (listener.news, listener.problem) == (1, None)


def test_a_silent_stream_is_given_up(world: MastodonWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "SILENCE", 0.2)
    with listening(world.connect()) as listener:
        listener.until(lambda: listener.problem is not None)
    assert isinstance(listener.problem, PlatformUnavailable)


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (FaultKind.UNAUTHORIZED, CredentialsRefused),
        (FaultKind.RATE_LIMITED, RateLimited),
        (FaultKind.SERVER_ERROR, PlatformUnavailable),
        (FaultKind.RESET, PlatformUnavailable),
        (FaultKind.TIMEOUT_BEFORE, PlatformUnavailable),
        (FaultKind.PARENT_GONE, PlatformUnavailable),
    ],
)
def test_a_stream_that_is_not_had_says_why(
    world: MastodonWorld, monkeypatch: pytest.MonkeyPatch, kind: FaultKind, problem: type[PlatformError]
) -> None:
    monkeypatch.setattr(streaming, "SILENCE", 0.3)
    world.stand_in.faults.add(Fault(kind, "GET /api/v1/streaming/*"))
    with pytest.raises(problem):
        world.connect(timeout=0.3).listen(lambda: None, threading.Event())


def test_a_server_that_ends_breaks_the_stream(ending: MastodonWorld) -> None:
    with listening(ending.connect()) as listener:
        listener.until(lambda: listener.news == 1)
        ending.stop()
        listener.thread.join(5)
        assert not listener.thread.is_alive()


def test_without_streaming_nothing_is_asked(world: MastodonWorld) -> None:
    with listening(world.connect(streaming=False)) as listener:
        time.sleep(0.1)
        assert listener.thread.is_alive()
    assert (listener.news, world.stand_in.budgets.spent("all")) == (0, 0)


@pytest.mark.parametrize(
    ("url", "said", "base"),
    [
        ("https://m.example", None, "https://m.example"),
        ("https://m.example", "wss://streams.example", "https://streams.example"),
        ("http://127.0.0.1:3", "ws://127.0.0.1:4", "http://127.0.0.1:4"),
        ("https://m.example", "ws://streams.example", "https://m.example"),
        ("https://m.example", "gopher://x", "https://m.example"),
        ("https://m.example", "nonsense", "https://m.example"),
    ],
)
def test_the_token_goes_nowhere_less_private(url: str, said: str | None, base: str) -> None:
    assert stream_url(url, said) == f"{base}/api/v1/streaming/user/notification"
