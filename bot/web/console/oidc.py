"""Signing in with an account of somebody else's: OpenID Connect's authorization code flow, with PKCE.

The provider says who somebody is; what they may do is decided here: the account whose `subject` is the
token's `sub` (`veritag accounts add NAME --subject SUB`). Nobody is let in who has none.
"""

from __future__ import annotations

import secrets

import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from httpx2 import HTTPError  # what authlib's client raises
from joserfc.errors import JoseError
from starlette.middleware.sessions import SessionMiddleware

from bot.accounts import Gatekeeper
from bot.config.oidc import Oidc
from bot.web.console.desk import Desk
from bot.web.console.pages import BASE
from bot.web.headers import session_cookie
from state.errors import NotFound

log = structlog.get_logger()

_SECONDS_TO_SIGN_IN = 600
_TIMEOUT = 10.0


def install(app: FastAPI, desk: Desk) -> None:
    """Add the routes `/console/oidc/start` and `/console/oidc/return`."""
    # What must be remembered between the two is in a signed cookie; its key lives as long as this process.
    app.add_middleware(
        SessionMiddleware,
        secret_key=secrets.token_urlsafe(32),
        session_cookie="veritag-oidc",
        max_age=_SECONDS_TO_SIGN_IN,
        same_site="lax",
        https_only=desk.guard.secure,
        path=f"{BASE}/oidc",
    )
    app.include_router(_router(desk), prefix=BASE)


def _client(oidc: Oidc) -> OAuth:
    clients = OAuth()
    assert oidc.issuer is not None
    assert oidc.client_secret is not None
    clients.register(
        "provider",
        server_metadata_url=f"{oidc.issuer.rstrip('/')}/.well-known/openid-configuration",
        client_id=oidc.client_id,
        client_secret=oidc.client_secret.get_secret_value(),
        client_kwargs={
            "scope": oidc.scopes,
            "code_challenge_method": "S256",
            "timeout": _TIMEOUT,
            "trust_env": False,
        },
    )
    return clients


def _router(desk: Desk) -> APIRouter:
    clients = _client(desk.settings.oidc)
    keeper = Gatekeeper.of(desk.store, desk.settings.web)

    def ours(request: Request) -> None:
        if not desk.guard.answers_for(request):
            raise HTTPException(403, "this server does not go by that name; set web.public_url")

    routes = APIRouter(include_in_schema=False, dependencies=[Depends(ours)])

    @routes.get("/oidc/start")
    async def start(request: Request) -> Response:
        here = (desk.settings.web.public_url or str(request.base_url)).rstrip("/")
        try:
            answer: Response = await clients.provider.authorize_redirect(request, f"{here}{BASE}/oidc/return")
        except (AuthlibBaseError, HTTPError, ValueError) as problem:
            raise _unavailable(problem) from None
        return answer

    @routes.get("/oidc/return")
    async def come_back(request: Request) -> Response:
        try:
            token = await clients.provider.authorize_access_token(request)
        except (HTTPError, ValueError) as problem:
            raise _unavailable(problem) from None
        except (AuthlibBaseError, JoseError) as problem:
            log.warning("oidc_refused", detail=str(problem))
            raise HTTPException(403, "the provider's answer was not accepted; sign in again") from None
        subject = str((token.get("userinfo") or {}).get("sub", ""))
        return _let_in(request, subject)

    def _let_in(request: Request, subject: str) -> Response:
        try:
            account = desk.store.accounts.of_subject(subject)
        except NotFound:
            account = None
        if account is None or account.disabled_at is not None:
            mend = f"an admin can run `veritag accounts add NAME --subject {subject}`"
            raise HTTPException(403, f"nobody here is known as {subject!r}; {mend}")
        session = keeper.remember(account)
        # A page, not a redirect: on the way from another site a browser sends no strict cookie along.
        answer = desk.pages.page(request, "signed-in.html")
        cookie = session_cookie(desk.guard.cookie, session, secure=desk.guard.secure)
        answer.headers.append("Set-Cookie", cookie)
        return answer

    return routes


def _unavailable(problem: Exception) -> HTTPException:
    log.warning("oidc_unavailable", detail=f"{type(problem).__name__}: {problem}")
    return HTTPException(503, "the provider cannot be reached or gives no usable answer; try again later")
