"""Who may see and do what: sessions, roles, and proof that a form was the console's own.

On this machine alone, and while there are no accounts, whoever asks is the operator `local` with every right.
As soon as there is an account, or the request names another host or came through a proxy, one must sign in.

A request that changes something carries the session's form token (in the field `csrf` or the header
`X-CSRF-Token`), and browsers must not say that another site sent it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import Depends, HTTPException, Request
from starlette.datastructures import UploadFile

from bot.accounts import Role
from bot.config.base import is_loopback
from bot.config.web import Web
from state.store import Store

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
LOCAL = "local"
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


@dataclass(frozen=True, slots=True)
class Operator:
    """Who is at the console. ``csrf`` is what this browser's forms must carry."""

    name: str
    role: Role
    csrf: str

    def may(self, role: str) -> bool:
        """Whether this operator may do what needs that role."""
        return self.role.may(Role(role))


class NotSignedIn(HTTPException):
    """Sign in first; ``where`` is the page to come back to."""

    def __init__(self, where: str) -> None:
        super().__init__(401, "sign in first")
        self.where = where


class Guard:
    """Answers for one server: which hosts it is called by, who is asking."""

    def __init__(self, store: Store, web: Web) -> None:
        self._store = store
        self._hosts = {web.host.strip("[]").lower()}
        if web.public_url:
            self._hosts.add((urlsplit(web.public_url).hostname or "").lower())
        self.secure = bool(web.public_url and web.public_url.startswith("https:"))
        # A cookie with this prefix cannot be set by another host of the same domain.
        self.cookie = "__Host-veritag" if self.secure else "veritag"

    def new_token(self) -> str:
        """A session's token: 256 random bits."""
        return secrets.token_urlsafe(32)

    def answers_for(self, request: Request) -> bool:
        """Whether the request names a host that is ours; a page elsewhere may point its own name here."""
        host = (request.url.hostname or "").lower()
        return is_loopback(host) or host in self._hosts

    def who(self, request: Request) -> Operator | None:
        """Who is asking, None if nobody that is known."""
        token = request.cookies.get(self.cookie, "")
        if self.is_open(request):
            # Forms need a session to belong to, also where nobody signs in; a first visit is given one.
            if not token and request.method in SAFE_METHODS:
                token = request.state.new_session = self.new_token()
            return Operator(LOCAL, Role.ADMIN, _form_token(token) if token else "")
        account = self._store.accounts.signed_in(token) if token else None
        return Operator(account.name, Role(account.role), _form_token(token)) if account else None

    def is_open(self, request: Request) -> bool:
        """Whether this request needs no account: from this machine, by its own name, and there is none."""
        here = is_loopback(request.url.hostname or "") and is_loopback(
            request.client.host if request.client else ""
        )
        proxied = any(name in request.headers for name in _FORWARDED)
        return here and not proxied and not self._store.accounts.any()

    def needs(self, role: Role) -> Callable[[Request], Awaitable[Operator]]:
        """A dependency: an operator of at least that role, and on changes the form's proof."""

        async def admit(request: Request) -> Operator:
            if not self.answers_for(request):
                raise HTTPException(403, "this server does not go by that name; set web.public_url")
            operator = self.who(request)
            if operator is None:
                raise NotSignedIn(quote(request.url.path) if request.method in SAFE_METHODS else "/console")
            if request.method not in SAFE_METHODS:
                await self._proven(request, operator.csrf)
            if not operator.may(role):
                raise HTTPException(403, f"this needs the role {role}; yours is {operator.role}")
            request.state.operator = operator
            return operator

        return admit

    async def _proven(self, request: Request, expected: str) -> None:
        presented = request.headers.get("x-csrf-token")
        if presented is None:
            found = (await request.form()).get("csrf", "")
            presented = "" if isinstance(found, UploadFile) else found
        from_elsewhere = request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}
        same = hmac.compare_digest(presented.encode(), expected.encode())
        if from_elsewhere or not expected or not same:
            raise HTTPException(403, "the form has expired; load the page again")


def _form_token(session: str) -> str:
    return hmac.new(session.encode(), b"form", hashlib.sha256).hexdigest()


def current(request: Request) -> Operator:
    """The operator whom the guard has let in."""
    operator: Operator = request.state.operator
    return operator


Who = Annotated[Operator, Depends(current)]
"""For a route's signature: the operator at the console."""
