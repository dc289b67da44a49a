"""The stand-in's OAuth: the pages and endpoints by which an account gives an app its permission."""

from __future__ import annotations

import html
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from bot.standins.x.accounts import Tokens, oauth1_parameters
from bot.standins.x.state import Account, Refusal


def granting_routes(tokens: Tokens, account: Account) -> APIRouter:
    """Routes on which that account says yes to everything."""
    router = APIRouter()
    challenges: dict[str, str] = {}

    @router.post("/oauth/request_token")
    def request_token() -> Response:
        token, _ = tokens.ask(account)
        answer = {"oauth_token": token, "oauth_token_secret": "x", "oauth_callback_confirmed": "true"}
        return PlainTextResponse(urlencode(answer))

    @router.get("/oauth/authorize")
    def pin(oauth_token: str) -> Response:
        number = html.escape(tokens.given(oauth_token))
        return HTMLResponse(f"<!doctype html><title>Stand-in for X</title><p>Your PIN is <b>{number}</b>")

    @router.post("/oauth/access_token")
    def access_token(request: Request) -> Response:
        asked = oauth1_parameters(request.headers.get("authorization", ""))
        granted, secrets = tokens.redeem_pin(asked.get("oauth_token", ""), asked.get("oauth_verifier", ""))
        answer = {
            "oauth_token": secrets["access_token"],
            "oauth_token_secret": secrets["access_token_secret"],
            "user_id": granted.id,
            "screen_name": granted.handle,
        }
        return PlainTextResponse(urlencode(answer))

    @router.get("/i/oauth2/authorize")
    def consent(redirect_uri: str, state: str, code_challenge: str) -> Response:
        _, code = tokens.ask(account)
        challenges[code] = code_challenge
        return RedirectResponse(f"{redirect_uri}?{urlencode({'state': state, 'code': code})}", 302)

    @router.post("/2/oauth2/token")
    async def token(request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if form.get("grant_type") == "refresh_token":
            return JSONResponse(tokens.refresh(form.get("refresh_token", "")))
        code = form.get("code", "")
        if code not in challenges:
            raise Refusal(400, None, "Value passed for the authorization code was invalid.")
        return JSONResponse(tokens.redeem_code(code, challenges[code], form.get("code_verifier", "")))

    return router
