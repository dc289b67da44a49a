"""Signing in and out."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from bot.accounts import Gatekeeper, Role, SignInRefused
from bot.web.console.desk import Desk
from bot.web.console.pages import BASE
from bot.web.headers import session_cookie


def router(desk: Desk) -> APIRouter:
    """`/sign-in` and `/sign-out`."""
    routes = APIRouter(include_in_schema=False)
    keeper = Gatekeeper.of(desk.store, desk.settings.web)
    guard = desk.guard

    def ours(request: Request) -> None:
        if not guard.answers_for(request):
            raise HTTPException(403, "this server does not go by that name; set web.public_url")

    def form(
        request: Request, where: str, *, name: str = "", problem: str = "", status: int = 200
    ) -> Response:
        return desk.pages.page(
            request,
            "sign-in.html",
            status,
            where=where,
            name=name,
            problem=problem,
            any_account=desk.store.accounts.any(),
            elsewhere=desk.settings.oidc.label if desk.settings.oidc.issuer else None,
        )

    @routes.get("/sign-in", dependencies=[Depends(ours)])
    def ask(request: Request, next: str = BASE) -> Response:  # noqa: A002 - the name in the address
        if guard.who(request) is not None:
            return RedirectResponse(own_page(next), 303)
        return form(request, own_page(next))

    @routes.post("/sign-in", dependencies=[Depends(ours)])
    def sign_in(
        request: Request,
        name: Annotated[str, Form(max_length=200)] = "",
        password: Annotated[str, Form(max_length=1000)] = "",
        next: Annotated[str, Form(max_length=2000)] = BASE,  # noqa: A002
    ) -> Response:
        # No form token yet: a sign-in forged by another site is stopped by the browser's own word.
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise HTTPException(403, "the form has expired; load the page again")
        try:
            token = keeper.sign_in(name, password, request.client.host if request.client else "")
        except SignInRefused as refusal:
            answer = form(
                request,
                own_page(next),
                name=name,
                problem=str(refusal),
                status=429 if refusal.retry_at else 403,
            )
            if refusal.retry_at is not None:
                wait = (refusal.retry_at - desk.store.now()).total_seconds()
                answer.headers["Retry-After"] = str(max(1, round(wait)))
            return answer
        answer = RedirectResponse(own_page(next), 303)
        answer.headers.append("Set-Cookie", session_cookie(guard.cookie, token, secure=guard.secure))
        return answer

    @routes.post("/sign-out", dependencies=[Depends(guard.needs(Role.VIEWER))])
    def sign_out(request: Request) -> Response:
        desk.store.accounts.sign_out(request.cookies.get(guard.cookie, ""))
        answer = RedirectResponse(f"{BASE}/sign-in", 303)
        ended = session_cookie(guard.cookie, "", secure=guard.secure, ended=True)
        answer.headers.append("Set-Cookie", ended)
        return answer

    return routes


def own_page(address: str) -> str:
    """The address where it is a page of the console, else the console's first one: no way to other sites."""
    parts = urlsplit(address)
    inside = parts.path == BASE or parts.path.startswith(f"{BASE}/")
    if parts.scheme or parts.netloc or not inside or "\\" in address or not address.isprintable():
        return BASE
    return address
