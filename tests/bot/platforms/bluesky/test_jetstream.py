"""Jetstream frames from a small websocket server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from bot.errors import PlatformUnavailable, RateLimited
from bot.platforms.base import Pushing
from bot.platforms.bluesky import jetstream
from tests.bot.platforms.bluesky.world import BlueskyWorld

DID = "did:plc:abcdefghijklmnopqrstuvwx"
OTHER = "did:plc:zzzzzzzzzzzzzzzzzzzzzzzz"


def frame(did: str = OTHER, operation: str = "create", **record: Any) -> str:
    commit = {"operation": operation, "collection": "app.bsky.feed.post", "rkey": "3k", "record": record}
    return json.dumps({"did": did, "time_us": 1, "kind": "commit", "commit": commit})


TAG = {"facets": [{"features": [{"$type": "app.bsky.richtext.facet#mention", "did": DID}]}]}
REPLY = {"reply": {"parent": {"uri": f"at://{DID}/app.bsky.feed.post/3k"}}}
QUOTE = {"embed": {"record": {"uri": f"at://{DID}/app.bsky.feed.post/3k"}}}


class Stream:
    """A server of frames; ``paths`` is what was asked for."""

    def __init__(self) -> None:
        self.frames: list[str | bytes] = []
        self.paths: list[str] = []
        self.refuse: HTTPStatus | None = None
        self.ended = threading.Event()

    def handle(self, connection: ServerConnection) -> None:
        for each in self.frames:
            connection.send(each)
        self.ended.wait(20)

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        self.paths.append(request.path)
        return connection.respond(self.refuse, "no") if self.refuse else None

    @contextmanager
    def served(self) -> Iterator[str]:
        with serve(self.handle, "127.0.0.1", 0, process_request=self.answer) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/subscribe"
            finally:
                self.ended.set()
                server.shutdown()
                thread.join()


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Stream:
    monkeypatch.setattr(jetstream, "DELAYS", (0.05, 0.2))
    return Stream()


@contextmanager
def following(url: str, stopping: threading.Event) -> Iterator[list[float]]:
    """Listen in a thread; when it was woken."""
    news: list[float] = []
    thread = threading.Thread(
        target=jetstream.follow, args=(url, DID, lambda: news.append(time.monotonic()), stopping)
    )
    thread.start()
    try:
        yield news
    finally:
        stopping.set()
        thread.join(3)
        assert not thread.is_alive(), "it must end soon after it is asked to"


@pytest.mark.parametrize("record", [TAG, REPLY, QUOTE])
def test_posts_that_name_the_bot_concern_it(record: dict[str, Any]) -> None:
    assert jetstream.concerns(frame(text="hi", **record), DID)
    assert jetstream.concerns(frame(text="hi", **record).encode(), DID)
    assert not jetstream.concerns(frame(text="hi", **record), OTHER)


@pytest.mark.parametrize(
    "other",
    [
        frame(text=f"about {DID}"),
        frame(DID, **TAG),
        frame(operation="delete", **TAG),
        f"[{DID!r}]",
        f"{{{DID}",
        json.dumps({"did": DID, "kind": "identity"}),
        json.dumps(
            {
                "did": OTHER,
                "commit": {"operation": "create", "collection": "app.bsky.feed.post", "record": DID},
            }
        ),
    ],
)
def test_other_frames_and_rubbish_do_not(other: str) -> None:
    assert not jetstream.concerns(other, DID)


def test_the_watcher_is_woken_after_a_mention_and_once_more(stream: Stream) -> None:
    stream.frames = [frame(text="nothing"), "rubbish", frame(**TAG), b"\xff\xfe"]
    stopping = threading.Event()
    with stream.served() as url, following(url, stopping) as news:
        deadline = time.monotonic() + 5
        while len(news) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(news) == 2
    assert stream.paths == ["/subscribe?wantedCollections=app.bsky.feed.post"]


def test_a_thousand_mentions_wake_it_a_few_times(stream: Stream) -> None:
    stream.frames = [frame(**TAG)] * 1000
    stopping = threading.Event()
    with stream.served() as url, following(url, stopping) as news:
        time.sleep(1.0)
    assert 1 <= len(news) <= 20


def test_a_stream_that_ends_ends(stream: Stream) -> None:
    stream.ended.set()
    with stream.served() as url:
        jetstream.follow(url, DID, lambda: None, threading.Event())


def test_a_stream_that_falls_silent_is_given_up(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jetstream, "_SILENCE", 0.1)
    with stream.served() as url, pytest.raises(PlatformUnavailable, match="silent"):
        jetstream.follow(url, DID, lambda: None, threading.Event())


@pytest.mark.parametrize(
    ("status", "error"),
    [(HTTPStatus.TOO_MANY_REQUESTS, RateLimited), (HTTPStatus.BAD_GATEWAY, PlatformUnavailable)],
)
def test_a_refused_stream_says_why(stream: Stream, status: HTTPStatus, error: type[Exception]) -> None:
    stream.refuse = status
    with stream.served() as url, pytest.raises(error):
        jetstream.follow(url, DID, lambda: None, threading.Event())


def test_no_stream_there() -> None:
    with pytest.raises(PlatformUnavailable, match="no Jetstream"):
        jetstream.follow("ws://127.0.0.1:9/subscribe", DID, lambda: None, threading.Event())


def test_a_platform_listens_where_a_stream_is_named(world: BlueskyWorld, stream: Stream) -> None:
    assert not isinstance(world.connect(), Pushing)
    with stream.served() as url:
        platform = world.connect(jetstream_url=url)
        assert isinstance(platform, Pushing)
        stopping = threading.Event()
        stopping.set()
        platform.listen(lambda: None, stopping)
        platform.close()
    assert len(stream.paths) == 1
