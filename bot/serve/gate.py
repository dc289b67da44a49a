"""Who may ask, how much, and how often; all of it before a request's body is read."""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import SecretStr

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_MOST_CALLERS = 10_000


class TooLarge(Exception):
    """A request's body is over the limit."""


class Keys:
    """The keys that callers must present; without any, everybody may call."""

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        self._keys = [key.get_secret_value().encode() for key in keys]

    def admit(self, headers: MutableMapping[str, str] | Any) -> bool:
        """Whether a request's headers present a key (`Authorization: Bearer KEY` or `X-API-Key`)."""
        if not self._keys:
            return True
        sent = _presented(headers).encode("latin-1", "replace")
        return any(hmac.compare_digest(sent, key) for key in self._keys)


def _presented(headers: Any) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return str(token.strip())
    return str(headers.get("x-api-key", ""))


def caller(headers: Any, host: str | None) -> str:
    """Whose request it is: the key's, or the address's where there is none."""
    return _presented(headers) or host or ""


class Rate:
    """A bucket of tokens for each caller; ``per_minute`` 0 lets everything through."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, who: str) -> float:
        """Take one token: 0 where there was one, else the seconds until there is."""
        if not self._per_minute:
            return 0.0
        now, rate = self._clock(), self._per_minute / 60
        tokens, then = self._buckets.pop(who, (float(self._per_minute), now))
        tokens = min(tokens + (now - then) * rate, float(self._per_minute))
        allowed = tokens >= 1
        self._buckets[who] = (tokens - 1 if allowed else tokens, now)
        while len(self._buckets) > _MOST_CALLERS:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / rate


def too_large(limit: int) -> JSONResponse:
    """The refusal of a body over the limit."""
    words = f"the request is larger than {limit:,} bytes (serve.max_upload)"
    answer = {"error": {"reason": "too_large", "message": words}}
    return JSONResponse(answer, 413, headers={"Connection": "close"})


class BodyLimit:
    """ASGI middleware: a body over ``limit`` bytes is refused by its stated length.

    One that states none raises `TooLarge` where it is read, at the first byte too many.
    """

    def __init__(self, app: App, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, counting its body."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        stated = dict(scope["headers"]).get(b"content-length", b"0")
        if not stated.isdigit() or int(stated) > self._limit:
            return await too_large(self._limit)(scope, receive, send)
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self._limit:
                raise TooLarge
            return message

        return await self._app(scope, counted, send)
