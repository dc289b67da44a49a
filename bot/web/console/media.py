"""Strangers' files for operators: in a sandbox, and only what browsers show without running anything."""

from __future__ import annotations

from pathlib import Path as File
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from bot.evidence import EvidenceRoom
from bot.resolver.sniff import HEAD_BYTES, UNKNOWN, sniff
from bot.web.console.desk import Desk
from bot.web.console.pages import BASE
from state.errors import NotFound
from state.model import AnalysisRow

# By their bytes, never by what somebody calls them. No SVG, HTML, XML or PDF: those can run or fetch things.
SHOWN = {
    *("image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"),
    *("video/mp4", "video/webm", "video/ogg", "video/quicktime"),
    *("audio/mpeg", "audio/ogg", "audio/wav", "audio/flac", "audio/mp4", "audio/aac"),
}
ALONE = {"Content-Security-Policy": "sandbox; default-src 'none'", "X-Content-Type-Options": "nosniff"}

Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
PictureName = Annotated[str, Path(pattern=r"^[\w-][\w.-]{0,119}$")]


def router(desk: Desk, room: EvidenceRoom) -> APIRouter:
    """`/media/SHA256/file`, and `/media/SHA256/evidence` with its pictures."""
    routes = APIRouter(include_in_schema=False)

    def analysis_of(sha256: str) -> AnalysisRow:
        analysis = desk.store.media.analysis(sha256)
        if analysis is None or analysis.verdict is None:
            raise HTTPException(404, "this medium has not been judged")
        return analysis

    @routes.get("/media/{sha256}/file")
    def file(sha256: Digest) -> Response:
        try:
            medium = desk.store.media.get(sha256)
        except NotFound as error:
            raise HTTPException(404, str(error)) from None
        path = desk.resolver.path(sha256)
        if medium.reason or not path.is_file():
            raise HTTPException(404, "the file is not on this machine any more")
        return served(path, sha256)

    @routes.get("/media/{sha256}/evidence")
    def evidence(request: Request, sha256: Digest) -> Response:
        pictures = room.pictures(analysis_of(sha256))
        return desk.pages.page(
            request, "_evidence.html", sha256=sha256, address=_address(sha256), pictures=pictures
        )

    @routes.post("/media/{sha256}/evidence")
    def draw(request: Request, sha256: Digest) -> Response:
        analysis = analysis_of(sha256)
        if not desk.resolver.path(sha256).is_file():
            raise HTTPException(409, "the file is not on this machine any more; resolve it again first")
        pictures = room.request(analysis)
        if "hx-request" in request.headers:
            return desk.pages.page(
                request, "_evidence.html", sha256=sha256, address=_address(sha256), pictures=pictures
            )
        return RedirectResponse(f"{BASE}/media/{sha256}#evidence-{sha256[:12]}", 303)

    @routes.get("/media/{sha256}/evidence/{name}.png")
    def picture(sha256: Digest, name: PictureName) -> Response:
        path = room.file(analysis_of(sha256), name)
        if path is None:
            raise HTTPException(404, "there is no such picture")
        return FileResponse(path, media_type="image/png", headers=ALONE)

    return routes


def _address(sha256: str) -> str:
    return f"{BASE}/media/{sha256}"


def served(path: File, sha256: str) -> Response:
    """The file, whole or in the ranges that were asked for.

    Raises:
        HTTPException: 404, it is gone.
    """
    try:
        with path.open("rb") as opened:
            kind = sniff(opened.read(HEAD_BYTES)) or UNKNOWN
    except OSError:
        raise HTTPException(404, "the file is not on this machine any more") from None
    shown = kind in SHOWN
    name = sha256[:12] + ("." + kind.split("/")[1] if shown else ".bin")
    return FileResponse(
        path,
        media_type=kind if shown else UNKNOWN,
        filename=name,
        content_disposition_type="inline" if shown else "attachment",
        headers=ALONE,
    )
