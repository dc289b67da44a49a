"""`POST /resolve`: what media a URL has, or why none can be had, as `veritag resolve --json` says it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Request, Response
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


def resolve_router(resolver: Resolver, token: SecretStr | None = None) -> APIRouter:
    """The route, for an application to include.

    With a ``token`` only those who present it as ``Authorization: Bearer`` are answered. Without one only
    requests that name this machine: a page in a browser must not reach it under a name of its own.
    """
    router = APIRouter(route_class=_SmallBodies)
    places = threading.BoundedSemaphore(AT_ONCE)

    @router.post("/resolve")
    def resolve(
        asked: ResolveRequest,
        request: Request,
        response: Response,
        authorization: Annotated[str, Header()] = "",
    ) -> dict[str, Any]:
        if not is_allowed(authorization, token):
            raise HTTPException(401, "the token is missing or wrong", {"WWW-Authenticate": "Bearer"})
        if token is None and not is_loopback(request.url.hostname or ""):
            raise HTTPException(403, "without a token only this machine's own name is answered")
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
