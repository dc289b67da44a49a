"""`POST /resolve`: what media a URL has, or why none can be had, as `veritag resolve --json` says it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bot.config.base import is_loopback
from bot.errors import ResolveError
from bot.resolver import Attempt, Resolver
from bot.resolver.shown import attempt_json, error_json, medium_json, resolution_json
from bot.web.health import is_allowed

AT_ONCE = 4
_MOST_BYTES = 64 * 1024


class ResolveRequest(BaseModel):
    """What is asked: ``explain`` adds every route that was tried."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(min_length=1, max_length=8192)]
    explain: bool = False


class _SmallBodies(APIRoute):
    """Refuses a body that does not say how large it is, or says too much, before it is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            length = request.headers.get("content-length", "")
            if not (length.isascii() and length.isdigit()):
                raise HTTPException(411, "say how long the body is")
            if len(length) > 9 or int(length) > _MOST_BYTES:
                raise HTTPException(413, f"at most {_MOST_BYTES} bytes are read")
            return await handle(request)

        return guarded


Admit = Callable[[Request], None]
"""Raises for those who may not ask."""


def with_token(token: SecretStr | None) -> Admit:
    """Admits who presents the token as ``Authorization: Bearer``; without a token, this machine."""

    def admit(request: Request) -> None:
        if token is None:
            this_machine(request)
        elif not is_allowed(request.headers.get("authorization", ""), token):
            raise HTTPException(401, "the token is missing or wrong", {"WWW-Authenticate": "Bearer"})

    return admit


def this_machine(request: Request) -> None:
    """Admits requests that name this machine: a page in a browser must not reach it under its own name."""
    if not is_loopback(request.url.hostname or ""):
        raise HTTPException(403, "without a token only this machine's own name is answered")


def resolve_router(resolver: Resolver, *admit: Admit) -> APIRouter:
    """The route, for an application to include; all of ``admit`` are asked first."""
    router = APIRouter(route_class=_SmallBodies, dependencies=[Depends(each) for each in admit])
    places = threading.BoundedSemaphore(AT_ONCE)

    @router.post("/resolve")
    def resolve(asked: ResolveRequest, response: Response) -> dict[str, Any]:
        """What media a URL has, or why none can be had; 200 either way."""
        if not places.acquire(blocking=False):
            raise HTTPException(503, "too many links at once; ask again", {"Retry-After": "1"})
        try:
            response.headers["Cache-Control"] = "no-store"
            return _answer(resolver, asked)
        finally:
            places.release()

    return router


def _answer(resolver: Resolver, asked: ResolveRequest) -> dict[str, Any]:
    attempts: list[Attempt] = []
    nothing = {"url": None, "site": None, "route": None, "author": None, "posted_at": None}
    answer: dict[str, Any] = {"input": asked.url, **nothing, "media": [], "error": None}
    try:
        found = resolver.resolve(asked.url, attempts.append)
    except ResolveError as error:
        answer["error"] = error_json(error)
    else:
        answer |= resolution_json(found) | {"media": [medium_json(medium) for medium in found.media]}
    return answer | ({"attempts": [attempt_json(each) for each in attempts]} if asked.explain else {})
