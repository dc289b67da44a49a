"""The stand-in's rate limits: requests of one token in a window, by what they do, as Mastodon has them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.clock import Clock
from bot.standins.mastodon.rendering import moment


@dataclass(slots=True)
class Window:
    """So many requests in so many seconds."""

    limit: int
    seconds: float


class Budgets:
    """Counts requests. ``windows`` may be changed at any time; tells of no reset where ``silent``."""

    def __init__(self, clock: Clock) -> None:
        self.windows = {
            "all": Window(300, 300),
            "media": Window(30, 1800),
            "deletes": Window(30, 1800),
        }
        self.silent = False
        self._clock = clock
        self._guard = threading.Lock()
        self._used: dict[tuple[str, str], tuple[int, datetime]] = {}

    def spent(self, kind: str) -> int:
        """How many requests of a kind were answered in the windows that are open, by all tokens together."""
        with self._guard:
            return sum(used for (_, each), (used, _) in self._used.items() if each == kind)

    def spend(self, token: str, method: str, path: str) -> tuple[bool, dict[str, str]]:
        """Count a request: whether it may be answered, and the headers that tell what is left."""
        kind = _kind(method, path)
        window, now = self.windows[kind], self._clock.now()
        with self._guard:
            used, until = self._used.get((token, kind), (0, now))
            if now >= until:
                used, until = 0, now + timedelta(seconds=window.seconds)
            allowed = used < window.limit
            self._used[token, kind] = used + allowed, until
            left = window.limit - used - allowed
        return allowed, {} if self.silent else headers(window.limit, left, until)


class Counted:
    """An application of which each request with a token is counted; too many are refused."""

    def __init__(self, app: ASGIApp, budgets: Budgets) -> None:
        self._app = app
        self._budgets = budgets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        token = Headers(scope=scope).get("authorization")
        if token is None:
            await self._app(scope, receive, send)
            return
        allowed, told = self._budgets.spend(token, scope["method"], scope["path"])
        if not allowed:
            await JSONResponse({"error": "Too many requests"}, 429, told)(scope, receive, send)
            return

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(told)
            await send(message)

        await self._app(scope, receive, tell)


def headers(limit: int, left: int, until: datetime) -> dict[str, str]:
    """What Mastodon tells of a budget."""
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": moment(until),
    }


def _kind(method: str, path: str) -> str:
    if method == "POST" and path.rstrip("/").endswith("/media"):
        return "media"
    if method == "DELETE" or path.endswith("/unreblog"):
        return "deletes"
    return "all"
