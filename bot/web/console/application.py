"""The console's pages, put together."""

from __future__ import annotations

from importlib.resources import files
from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from bot.accounts import Role
from bot.errors import ConfigError
from bot.web.bodies import SmallBodies
from bot.web.console import (
    actions,
    calibration,
    cards,
    data,
    detectors,
    operations,
    people,
    publishing,
    queue,
    refit,
    signing_in,
    thumbnails,
    trying,
    verdict,
)
from bot.web.console.desk import Desk
from bot.web.console.guard import NotSignedIn
from bot.web.console.pages import BASE
from bot.web.headers import SafeHeaders

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png"}
_FOR_A_YEAR = "public, max-age=31536000, immutable"

PAGES = (
    queue.router,
    thumbnails.router,
    verdict.router,
    actions.router,
    cards.router,
    publishing.router,
    trying.router,
    operations.router,
    data.router,
    people.router,
    detectors.router,
    calibration.router,
    refit.router,
)
"""Every page's routes, made from the desk; all of them need an operator."""


def install(app: FastAPI, desk: Desk) -> None:
    """Put the console into an application that serves other things too."""
    if desk.settings.oidc.issuer is not None:
        _install_oidc(app, desk)
    app.add_middleware(SmallBodies, but={f"{BASE}/try"})
    app.add_middleware(SafeHeaders, cookie=desk.guard.cookie, secure=desk.guard.secure)
    app.include_router(_static(), prefix=BASE)
    app.include_router(signing_in.router(desk), prefix=BASE)
    for make in PAGES:
        app.include_router(make(desk), prefix=BASE, dependencies=[Depends(desk.guard.needs(Role.VIEWER))])

    @app.get("/", include_in_schema=False)
    def home() -> RedirectResponse:
        return RedirectResponse(BASE, 303)

    @app.exception_handler(StarletteHTTPException)
    async def refused(request: Request, error: StarletteHTTPException) -> Response:
        return _refusal(desk, request, error)


def _install_oidc(app: FastAPI, desk: Desk) -> None:
    try:
        from bot.web.console import oidc
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"oidc.issuer is set, and the package {error.name} is missing; run `pip install 'veritag[oidc]'`"
        ) from error
    oidc.install(app, desk)


def _static() -> APIRouter:
    """Style sheets and scripts, read once; nothing else in the folder has a name here."""
    folder = files("templates") / "web" / "static"
    kept = {
        file.name: (file.read_bytes(), _TYPES[suffix])
        for file in folder.iterdir()
        if (suffix := f".{file.name.rpartition('.')[2]}") in _TYPES
    }
    router = APIRouter()

    @router.get("/static/{name}", include_in_schema=False)
    def static(name: str) -> Response:
        if name not in kept:
            raise HTTPException(404, "there is no such file")
        content, kind = kept[name]
        return Response(content, media_type=kind, headers={"Cache-Control": _FOR_A_YEAR})

    return router


def _refusal(desk: Desk, request: Request, error: StarletteHTTPException) -> Response:
    """A page for people, JSON for machines."""
    headers = dict(error.headers or {})
    if not request.url.path.startswith(BASE):
        return JSONResponse({"detail": error.detail}, error.status_code, headers)
    if isinstance(error, NotSignedIn):
        where = f"{BASE}/sign-in?next={quote(error.where, safe='')}"
        if "hx-request" in request.headers:
            return Response(status_code=401, headers={"HX-Redirect": where})
        return RedirectResponse(where, 303)
    request.state.operator = desk.guard.who(request) if desk.guard.answers_for(request) else None
    page = desk.pages.page(request, "error.html", error.status_code, detail=error.detail)
    page.headers.update(headers)
    return page
