"""Small pictures of media for lists of them."""

from __future__ import annotations

import asyncio
from functools import cache
from io import BytesIO

from fastapi import APIRouter, HTTPException, Path, Response

from bot.thumbnails import NoThumbnail
from bot.web.console.desk import Desk
from state.errors import NotFound

_SECONDS = 15.0
_HEADERS = {"Content-Security-Policy": "sandbox; default-src 'none'", "X-Content-Type-Options": "nosniff"}


def router(desk: Desk) -> APIRouter:
    """`/thumbnails/SHA256.webp`: of every medium that was ever had, if only a sign that there is none."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/thumbnails/{sha256}.webp")
    async def thumbnail(sha256: str = Path(pattern="^[0-9a-f]{64}$")) -> Response:
        try:
            await asyncio.to_thread(desk.store.media.id_of, sha256)
        except NotFound as error:
            raise HTTPException(404, str(error)) from None
        try:
            made = await asyncio.to_thread(desk.thumbnails.get, sha256)
            content = await asyncio.wait_for(asyncio.wrap_future(made), _SECONDS)
        except (NoThumbnail, TimeoutError):
            return Response(_nothing(), media_type="image/webp", headers=_HEADERS)
        # Not for long: a medium that is deleted shall be gone from browsers soon, too.
        kept = _HEADERS | {"Cache-Control": "private, max-age=600"}
        return Response(content, media_type="image/webp", headers=kept)

    return routes


@cache
def _nothing() -> bytes:
    """A grey picture, crossed out."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (160, 120), "#d5dae1")
    pen = ImageDraw.Draw(picture)
    for line in ((55, 35, 105, 85), (55, 85, 105, 35)):
        pen.line(line, "#8a95a3", 4)
    content = BytesIO()
    picture.save(content, "WEBP", quality=72)
    return content.getvalue()
