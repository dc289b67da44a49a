"""Jetstream: Bluesky's stream of all new posts as JSON, of which those that concern the bot are picked out.

Its official hosts are `jetstream{1,2}.us-{east,west}.bsky.network` (github.com/bluesky-social/jetstream). A
frame is {"did", "kind": "commit", "commit": {"operation": "create", "collection", "record"}}.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from threading import Event
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from bot.errors import PlatformUnavailable, RateLimited
from bot.platforms.bluesky import lexicon

# The AppView lists a mention some time after the stream tells of it: the watcher is woken then, and again.
DELAYS = (1.5, 6.0)
_LOOK = 0.25
_SILENCE = 60.0
_OPEN_SECONDS = 10.0
_CLOSE_SECONDS = 1.0
_LARGEST_FRAME = 1_000_000
_FRAMES_WAITING = 64


def follow(url: str, did: str, on_news: Callable[[], None], stopping: Event) -> None:
    """Read one stream until it ends or ``stopping`` is set; call ``on_news`` after posts that name the DID.

    Raises:
        RateLimited, PlatformUnavailable: there is no stream, or it has fallen silent.
    """
    address = f"{url}?{urlencode({'wantedCollections': lexicon.POST})}"
    try:
        with connect(
            address,
            open_timeout=_OPEN_SECONDS,
            close_timeout=_CLOSE_SECONDS,
            max_size=_LARGEST_FRAME,
            max_queue=_FRAMES_WAITING,
        ) as stream:
            _read(stream, did, on_news, stopping)
    except InvalidStatus as error:
        status = error.response.status_code
        if status == 429:
            raise RateLimited("Jetstream asks to wait") from error
        raise PlatformUnavailable(f"Jetstream answers with HTTP {status}") from error
    except ConnectionClosed:
        return
    except (OSError, WebSocketException) as error:
        raise PlatformUnavailable(f"there is no Jetstream at {url} ({error})") from error


def concerns(frame: str | bytes, did: str) -> bool:
    """Whether a frame is a new post that mentions the account, or replies to it or quotes it."""
    if (did if isinstance(frame, str) else did.encode()) not in frame:  # type: ignore[operator]
        return False  # almost all of them: not worth parsing
    try:
        told = json.loads(frame)
        commit = told["commit"]
        if commit["operation"] != "create" or commit["collection"] != lexicon.POST or told["did"] == did:
            return False
        return did in json.dumps([commit["record"].get(name) for name in ("facets", "reply", "embed")])
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def _read(stream: ClientConnection, did: str, on_news: Callable[[], None], stopping: Event) -> None:
    due: list[float] = []
    heard = time.monotonic()
    while not stopping.is_set():
        try:
            frame = stream.recv(timeout=_LOOK)
        except TimeoutError:
            frame = ""
        now = time.monotonic()
        if frame:
            heard = now
        elif now - heard > _SILENCE:
            raise PlatformUnavailable(f"Jetstream has been silent for {_SILENCE:.0f} seconds")
        if frame and concerns(frame, did):
            due = [*due[:1], *(now + delay for delay in DELAYS)]
        while due and due[0] <= now:
            due.pop(0)
            on_news()
