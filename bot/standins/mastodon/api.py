"""The stand-in's endpoints under `/api`, as docs.joinmastodon.org/methods has them."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol, TypeVar

from fastapi import APIRouter, Request, UploadFile
from starlette.datastructures import FormData, QueryParams
from starlette.datastructures import UploadFile as Uploaded
from starlette.responses import JSONResponse, Response, StreamingResponse

from bot.standins.mastodon.access import base_of, member_of, viewer_of
from bot.standins.mastodon.network import Network, Notification, Refused
from bot.standins.mastodon.rendering import Renderer

BEAT = 15.0
"""Seconds between the signs of life of a stream."""

_PULSE = 0.02
_PAGE = 40


class _Numbered(Protocol):
    @property
    def id(self) -> str: ...


N = TypeVar("N", bound=_Numbered)


def api_routes(network: Network, show: Renderer) -> APIRouter:
    """All of them."""
    router = APIRouter(redirect_slashes=False)
    _about(router, network, show)
    _statuses(router, network, show)
    _media(router, network, show)
    _streams(router, network, show)
    return router


def _about(router: APIRouter, network: Network, show: Renderer) -> None:
    @router.get("/api/v2/instance")
    @router.get("/api/v2/instance/")
    async def instance(request: Request) -> dict[str, Any]:
        if network.quirks.only_old_instance:
            raise Refused(404, "The page you are looking for isn't here.")
        return show.instance(base_of(request), old=False)

    @router.get("/api/v1/instance")
    @router.get("/api/v1/instance/")
    async def old_instance(request: Request) -> dict[str, Any]:
        return show.instance(base_of(request), old=True)

    @router.get("/api/v1/accounts/verify_credentials")
    async def own_account(request: Request) -> dict[str, Any]:
        return show.account(member_of(network, request, "read:accounts"), base_of(request))

    @router.get("/api/v1/accounts/{account_id}/statuses")
    async def statuses_of(request: Request, account_id: str) -> Response:
        viewer = member_of(network, request, "read:statuses")
        with network.guard:
            theirs = [
                each
                for each in network.statuses.values()
                if each.author_id == account_id and (viewer.id == account_id or each.visibility == "public")
            ]
            page, links = _page(theirs, request, network)
            found = [show.status(each, base_of(request), viewer=viewer) for each in page]
        return JSONResponse(found, headers=links)

    @router.get("/api/v1/notifications")
    async def notifications(request: Request) -> Response:
        viewer = member_of(network, request, "read:notifications")
        types = request.query_params.getlist("types[]")
        with network.guard:
            told = [each for each in network.notifications if each.owner_id == viewer.id]
            page, links = _page(told if not types or "mention" in types else [], request, network)
            found = [show.notification(each, base_of(request)) for each in page]
        return JSONResponse(found, headers=links)


def _statuses(router: APIRouter, network: Network, show: Renderer) -> None:
    @router.get("/api/v1/statuses/{status_id}")
    async def status(request: Request, status_id: str) -> dict[str, Any]:
        viewer = viewer_of(network, request)
        return show.status(network.fetch(status_id, viewer), base_of(request), viewer=viewer)

    @router.post("/api/v1/statuses")
    async def post(request: Request) -> dict[str, Any]:
        author = member_of(network, request, "write:statuses")
        form = await request.form()
        visibility = _text(form, "visibility") or "public"
        if visibility not in {"public", "unlisted", "private", "direct"}:
            raise Refused(422, "Validation failed: Visibility is not included in the list")
        made = network.post(
            author,
            _text(form, "status") or "",
            visibility=visibility,
            language=_text(form, "language"),
            parent_id=_text(form, "in_reply_to_id"),
            quoted_id=_text(form, "quoted_status_id"),
            media=tuple(str(each) for each in form.getlist("media_ids[]")),
            key=request.headers.get("idempotency-key"),
        )
        return show.status(made, base_of(request), viewer=author)

    @router.delete("/api/v1/statuses/{status_id}")
    async def delete(request: Request, status_id: str) -> dict[str, Any]:
        author = member_of(network, request, "write:statuses")
        status = network.fetch(status_id, author)
        if status.author_id != author.id:
            raise Refused(404, "Record not found")
        shown = show.status(status, base_of(request), viewer=author)
        network.delete(status_id)
        return shown | {"text": status.text}


def _media(router: APIRouter, network: Network, show: Renderer) -> None:
    @router.post("/api/v2/media")
    async def upload(request: Request) -> Response:
        owner = member_of(network, request, "write:media")
        form = await request.form()
        file = form.get("file")
        if not isinstance(file, UploadFile | Uploaded):
            raise Refused(422, "Validation failed: File can't be blank")
        mime = file.content_type or "application/octet-stream"
        if mime.partition("/")[0] not in {"image", "video", "audio"}:
            raise Refused(422, "Validation failed: File content type is invalid")
        made = network.upload(owner, await file.read(), mime, _text(form, "description"))
        return JSONResponse(show.medium(made, base_of(request)), 202 if made.looks_left else 200)

    @router.get("/api/v1/media/{media_id}")
    async def medium(request: Request, media_id: str) -> Response:
        owner = member_of(network, request, "write:media")
        found = network.media.get(media_id)
        if found is None or found.owner_id != owner.id:
            raise Refused(404, "Record not found")
        answer = JSONResponse(show.medium(found, base_of(request)), 206 if found.looks_left else 200)
        found.looks_left = max(0, found.looks_left - 1)
        return answer

    @router.get("/media/{media_id}/original")
    async def original(media_id: str) -> Response:
        found = network.media.get(media_id)
        if found is None:
            raise Refused(404, "Record not found")
        return Response(found.content, media_type=found.mime)


def _streams(router: APIRouter, network: Network, show: Renderer) -> None:
    @router.get("/api/v1/streaming/health")
    async def alive() -> Response:
        return Response("OK", media_type="text/plain")

    @router.get("/api/v1/streaming/user")
    @router.get("/api/v1/streaming/user/notification")
    async def stream(request: Request) -> Response:
        owner = member_of(network, request, "read:notifications")
        return StreamingResponse(
            _events(network, show, owner.id, base_of(request)), media_type="text/event-stream"
        )


async def _events(network: Network, show: Renderer, owner_id: str, base: str) -> AsyncIterator[str]:
    """The events of one stream, until its reader leaves."""
    waiting: deque[str] = deque()
    place = (owner_id, waiting)
    network.listeners.append(place)
    try:
        yield ":)\n\n"
        silent = 0.0
        while True:
            if waiting:
                told = _told(network, waiting.popleft())
                if told is not None:
                    yield f"event: notification\ndata: {json.dumps(show.notification(told, base))}\n\n"
                silent = 0.0
            elif silent >= BEAT:
                yield ":thump\n"
                silent = 0.0
            else:
                await asyncio.sleep(_PULSE)
                silent += _PULSE
    finally:
        network.listeners.remove(place)


def _told(network: Network, notification_id: str) -> Notification | None:
    with network.guard:
        return next((each for each in network.notifications if each.id == notification_id), None)


def _page(found: Sequence[N], request: Request, network: Network) -> tuple[list[N], dict[str, str]]:
    """One page by `limit`, `max_id`, `since_id` and `min_id`, newest first, and its `Link`."""
    asked = request.query_params
    limit = max(1, min(_number(asked, "limit", _PAGE), 80))
    highest, lowest = (
        _number(asked, "max_id", None),
        _number(asked, "min_id", _number(asked, "since_id", None)),
    )
    if network.quirks.ignores_min_id:
        lowest = None
    rising = sorted(found, key=lambda each: int(each.id))
    rising = [each for each in rising if highest is None or int(each.id) < highest]
    rising = [each for each in rising if lowest is None or int(each.id) > lowest]
    upwards = lowest is not None and "min_id" in asked
    page = (rising[:limit] if upwards else rising[-limit:])[::-1]
    if not page:
        return [], {}
    here = f"{base_of(request)}{request.url.path}?limit={limit}"
    link = f'<{here}&max_id={page[-1].id}>; rel="next", <{here}&min_id={page[0].id}>; rel="prev"'
    return page, {"Link": link}


def _number(asked: QueryParams, name: str, otherwise: Any) -> Any:
    try:
        return int(asked[name]) if name in asked else otherwise
    except ValueError:
        raise Refused(400, f"{name} is not a number") from None


def _text(form: FormData, name: str) -> str | None:
    value = form.get(name)
    return value if isinstance(value, str) and value else None
