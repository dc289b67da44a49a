"""What the stand-ins' servers share: faults laid over an application, and the door by which they are set.

POST   /stand-in/faults   {"kind": "timeout_after", "endpoint": "POST /2/tweets", "times": 1}
GET    /stand-in/faults   what is still to come
DELETE /stand-in/faults   no more faults
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Protocol

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.standins.faults import HAS_EFFECT, Fault, FaultKind, Faults

ADMIN = "/stand-in"
"""Where operators and tests steer a stand-in; nothing fails on purpose there."""

LONGEST_HANG = 60.0


class StandIn(Protocol):
    """One stand-in: what `bot.standins.NAME.create()` returns."""

    name: str
    faults: Faults
    app: ASGIApp

    def welcome(self, url: str) -> str:
        """What an operator needs for a rehearsal with it, once it is served at that address."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a platform words a fault that it answers itself. ``headers`` is asked at each answer."""

    status: int
    body: bytes = b""
    media_type: str = "application/json"
    headers: Callable[[], Mapping[str, str]] = field(default=dict)


class Faulty:
    """An application that fails on demand; must be the outermost one of its server.

    ``refusals`` are the platform's own words for the kinds that it answers; kinds without words fail plainly.
    A time-out holds the connection until the client leaves, or `LONGEST_HANG` seconds.
    """

    def __init__(self, app: ASGIApp, faults: Faults, refusals: Mapping[FaultKind, Refusal]) -> None:
        self._app = app
        self._faults = faults
        self._refusals = _PLAIN | dict(refusals)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or fail it."""
        if scope["type"] != "http" or scope["path"].startswith(ADMIN):
            await self._app(scope, receive, send)
            return
        kind = self._faults.take(f"{scope['method']} {scope['path']}")
        if kind is None:
            await self._app(scope, receive, send)
            return
        answer: list[Message] = []
        await _drain_into(self._app if kind in HAS_EFFECT else _nothing, scope, receive, answer)
        if kind in {FaultKind.TIMEOUT_BEFORE, FaultKind.TIMEOUT_AFTER}:
            await _hang(receive)
            _drop(send)
        elif kind in {FaultKind.RESET, FaultKind.RESET_AFTER}:
            _drop(send)
        elif kind is FaultKind.TRUNCATED:
            await _cut(answer, send)
        else:
            refusal = self._refusals[kind]
            response = Response(refusal.body, refusal.status, refusal.headers(), refusal.media_type)
            await response(scope, receive, send)


class FaultOrder(BaseModel):
    """A fault, as it is ordered over HTTP."""

    kind: FaultKind
    endpoint: Annotated[str, Field(min_length=1, max_length=200)] = "*"
    times: Annotated[int, Field(ge=1)] | None = 1


def fault_routes(faults: Faults) -> APIRouter:
    """The door to a stand-in's faults, to be included in its application."""
    router = APIRouter(prefix=ADMIN)

    def listed() -> list[FaultOrder]:
        return [FaultOrder(kind=f.kind, endpoint=f.endpoint, times=f.times) for f in faults.waiting()]

    @router.get("/faults")
    def waiting() -> list[FaultOrder]:
        return listed()

    @router.post("/faults")
    def add(order: FaultOrder) -> list[FaultOrder]:
        faults.add(Fault(order.kind, order.endpoint, order.times))
        return listed()

    @router.delete("/faults")
    def clear() -> list[FaultOrder]:
        faults.clear()
        return listed()

    return router


_PLAIN = {
    FaultKind.SERVER_ERROR: Refusal(503, b"Service Unavailable", "text/plain"),
    FaultKind.SERVER_ERROR_AFTER: Refusal(502, b"Bad Gateway", "text/plain"),
    FaultKind.MALFORMED: Refusal(200, b"<!doctype html><title>Welcome</title>", "text/html"),
    FaultKind.RATE_LIMITED: Refusal(429, b"{}"),
    FaultKind.RATE_LIMITED_WITHOUT_RESET: Refusal(429, b"{}"),
    FaultKind.UNAUTHORIZED: Refusal(401, b"{}"),
    FaultKind.FORBIDDEN: Refusal(403, b"{}"),
    FaultKind.DUPLICATE: Refusal(403, b"{}"),
    FaultKind.PARENT_GONE: Refusal(404, b"{}"),
}


async def _nothing(_scope: Scope, receive: Receive, _send: Send) -> None:
    """No effect; the body is read, as a server reads it before it fails."""
    while (await receive()).get("more_body", False):
        pass


async def _drain_into(app: ASGIApp, scope: Scope, receive: Receive, answer: list[Message]) -> None:
    async def keep(message: Message) -> None:
        answer.append(message)

    await app(scope, receive, keep)


async def _hang(receive: Receive) -> None:
    async def client_left() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(client_left(), LONGEST_HANG)
    except TimeoutError:
        return


async def _cut(answer: list[Message], send: Callable[[Message], Awaitable[None]]) -> None:
    """The head says how long the whole answer is; half of it follows, then the connection ends."""
    body = b"".join(message.get("body", b"") for message in answer)
    await send(answer[0])
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    _drop(send, abruptly=False)


def _drop(send: Callable[[Message], Awaitable[None]], *, abruptly: bool = True) -> None:
    """End the connection under the answer: ASGI knows no such thing, so uvicorn's own transport is taken."""
    transport: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    if abruptly:
        transport.abort()
    else:
        transport.close()
