"""The user stream: Mastodon's server-sent events that tell of new notifications."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

import requests
from mastodon import StreamListener
from mastodon.errors import MastodonError
from typing_extensions import override
from urllib3.exceptions import HTTPError

from bot.errors import PlatformUnavailable
from bot.platforms.mastodon.client import Client
from bot.platforms.mastodon.mentions import MENTION

SILENCE = 90.0
"""Seconds without a byte after which a stream is held to be dead; Mastodon sends a sign every 15."""

_LOOK = 0.2
# AttributeError and ValueError come out of the libraries where a stream is closed under their hands.
_BREAKS = (MastodonError, requests.RequestException, HTTPError, OSError, AttributeError, ValueError)
_PATH = "/api/v1/streaming/user/notification"


def stream_url(url: str, said: str | None) -> str:
    """Where the stream is, from the instance's address and what it says of its streams.

    The token goes there, so an address that is less private than the instance's own is not taken.
    """
    base = urlsplit(said or url)
    scheme = {"wss": "https", "ws": "http"}.get(base.scheme, base.scheme)
    if not base.netloc or scheme not in {"http", "https"} or (scheme == "http" and url.startswith("https:")):
        return url + _PATH
    return f"{scheme}://{base.netloc}{_PATH}"


def listen(client: Client, url: str, on_news: Callable[[], None], stopping: threading.Event) -> None:
    """Hold one stream; see `bot.platforms.base.Pushing`.

    Raises:
        RateLimited, PlatformUnavailable, CredentialsRefused: there is no stream, or it broke.
    """
    answer = client.open_stream("stream", url, silence=SILENCE)
    on_news()  # what came before the stream stood
    reading = _Reading(answer, on_news)
    with answer:
        reading.start()
        while reading.is_alive() and not stopping.wait(_LOOK):
            pass
        if reading.is_alive():
            # Only this wakes a thread that waits for the next byte; it fails where the stream has just ended.
            with suppress(OSError, RuntimeError, ValueError):
                answer.raw.shutdown()
            reading.join(1.0)
            return
    if reading.problem is not None:
        raise PlatformUnavailable(f"the stream of {client.host} broke") from reading.problem


class _Reading(threading.Thread):
    """Reads a stream to its end, whatever that is."""

    def __init__(self, answer: requests.Response, on_news: Callable[[], None]) -> None:
        super().__init__(name="mastodon-stream", daemon=True)
        self.problem: Exception | None = None
        self._answer = answer
        self._listener = _Listener(on_news)

    @override
    def run(self) -> None:
        """Read."""
        try:
            self._listener.handle_stream(self._answer)  # type: ignore[no-untyped-call]
        except _BREAKS as error:
            self.problem = error


class _Listener(StreamListener):
    """Hears of notifications; other events pass by."""

    def __init__(self, on_news: Callable[[], None]) -> None:
        self._on_news = on_news

    @override
    def on_notification(self, notification: object) -> None:
        """Something happened; only a mention is news. What a server leaves unnamed may be one."""
        kind = notification.get("type") if isinstance(notification, dict) else None
        if kind in {MENTION, None}:
            self._on_news()
