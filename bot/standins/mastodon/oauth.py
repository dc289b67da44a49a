"""How an app obtains a token of the stand-in: registration, a page to agree on, the code's exchange."""

from __future__ import annotations

import secrets
import time
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse, Response

from bot.standins.mastodon.network import App, Network, Refused

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"


def oauth_routes(network: Network) -> APIRouter:
    """All of them."""
    router = APIRouter()

    @router.post("/api/v1/apps")
    async def register(request: Request) -> dict[str, Any]:
        form = await request.form()
        name = str(form.get("client_name") or "")
        if not name:
            raise Refused(422, "Validation failed: Application name can't be blank")
        app = App(
            secrets.token_urlsafe(16),
            secrets.token_urlsafe(16),
            name,
            str(form.get("redirect_uris") or OUT_OF_BAND),
            frozenset(str(form.get("scopes") or "read").split()),
        )
        network.apps[app.id] = app
        return {"id": app.id, "name": name, "client_id": app.id, "client_secret": app.secret}

    @router.get("/oauth/authorize")
    async def ask(request: Request) -> Response:
        app = _app(network, str(request.query_params.get("client_id")))
        wanted = set(str(request.query_params.get("scope") or "read").split())
        if not wanted <= app.scopes or request.query_params.get("redirect_uri") != app.redirect:
            raise Refused(400, "The requested scope or redirect is invalid, unknown, or malformed.")
        local = [each.handle for each in network.members.values() if "@" not in each.handle]
        choices = "".join(f"<option>{escape(handle)}</option>" for handle in local)
        return _page(
            f"<h1>{escape(app.name)} asks for {escape(' '.join(sorted(wanted)))}</h1>"
            f'<form method="post"><input type="hidden" name="client_id" value="{app.id}">'
            f'<label>Account <select name="account">{choices}</select></label>'
            "<button>Authorize</button></form>"
        )

    @router.post("/oauth/authorize")
    async def agree(request: Request) -> Response:
        form = await request.form()
        app = _app(network, str(form.get("client_id")))
        member = network.member(str(form.get("account")))
        if member is None:
            raise Refused(422, "There is no such account")
        code = secrets.token_urlsafe(24)
        app.codes[code] = member.id
        return _page(f"<h1>Copy this code</h1><p><code>{code}</code></p>")

    @router.post("/oauth/token")
    async def exchange(request: Request) -> dict[str, Any]:
        form = await request.form()
        app = _app(network, str(form.get("client_id")))
        return _exchange(network, app, form)

    return router


def _exchange(network: Network, app: App, form: FormData) -> dict[str, Any]:
    if form.get("client_secret") != app.secret or form.get("redirect_uri") != app.redirect:
        raise Refused(401, "Client authentication failed")
    account_id = app.codes.pop(str(form.get("code")), None)
    if account_id is None:
        raise Refused(400, "The provided authorization grant is invalid, expired, or revoked")
    token = network.grant(network.members[account_id], app.scopes)
    return {
        "access_token": token,
        "token_type": "Bearer",
        "scope": " ".join(sorted(app.scopes)),
        "created_at": int(time.time()),
    }


def _app(network: Network, client_id: str) -> App:
    app = network.apps.get(client_id)
    if app is None:
        raise Refused(401, "Client authentication failed due to unknown client")
    return app


def _page(body: str) -> Response:
    return HTMLResponse(f"<!doctype html><meta charset=utf-8><title>Authorize</title>{body}")
