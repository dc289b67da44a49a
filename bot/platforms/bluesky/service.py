"""Requests to the bot's own server (PDS), which passes what is Bluesky's on to the AppView.

The client library carries each request and names its errors; answers are read as plain JSON, because its
models refuse whatever a newer lexicon adds. It neither waits nor tries again by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
from atproto_client.exceptions import RequestErrorBase
from atproto_client.request import Request, Response
from atproto_core.exceptions import AtProtocolError

from bot.errors import CredentialsRefused
from bot.platforms.access import Access
from bot.platforms.bluesky.faults import StaleSession, understood
from bot.platforms.bluesky.session import AUTHORIZE, Session, Tokens
from bot.platforms.gate import Call
from bot.resolver.reading.payload import Payload

SITE = "Bluesky"
_BUDGET = ("limit", "remaining", "reset")


class Service:
    """One server, and one account there. Safe to use from several threads."""

    def __init__(self, access: Access, url: str, handle: str | None, timeout: httpx.Timeout) -> None:
        self.url = url
        self._gate = access.gate
        self._request = Request(timeout=timeout)
        self._session = Session(access, handle, self._session_call)

    def close(self) -> None:
        """Let go of the connections. Safe to call twice."""
        self._request.close()

    def account(self) -> Tokens:
        """The session's tokens, with the account that they stand for.

        Raises:
            CredentialsRefused, RateLimited, PlatformUnavailable: see `Session.tokens`.
        """
        return self._session.tokens()

    def ask(self, method: str, **parameters: str | int | list[str]) -> Payload:
        """The answer to a question.

        Raises:
            RateLimited, PlatformUnavailable, CredentialsRefused, PostGone: see `faults`.
        """
        return self._with_session(
            method,
            lambda headers: self._request.get(self._address(method), params=parameters, headers=headers),
        )

    def tell(self, method: str, body: Mapping[str, Any], *, writes: bool = False) -> Payload:
        """The answer to an order. ``writes``: it makes a record that must not be made twice.

        Raises:
            As `ask`; with ``writes`` also OutcomeUnknown, ReplyRefused and AlreadyThere.
        """
        content = json.dumps(body).encode()
        return self._with_session(method, self._poster(method, content, "application/json"), writes=writes)

    def upload(self, method: str, content: bytes, mime: str) -> Payload:
        """The answer to a file that is sent.

        Raises:
            As `ask`.
        """
        return self._with_session(method, self._poster(method, content, mime))

    def _session_call(self, method: str, body: Mapping[str, Any] | None, token: str | None) -> Payload:
        content = b"" if body is None else json.dumps(body).encode()
        send = self._poster(method, content, "application/json" if content else None)
        return self._once(method, send, {"Authorization": f"Bearer {token}"} if token else {})

    def _poster(
        self, method: str, content: bytes, mime: str | None
    ) -> Callable[[Mapping[str, str]], Response]:
        kind = {"Content-Type": mime} if mime else {}
        return lambda headers: self._request.post(
            self._address(method), content=content, headers={**headers, **kind}
        )

    def _with_session(
        self, method: str, send: Callable[[Mapping[str, str]], Response], *, writes: bool = False
    ) -> Payload:
        tokens = self._session.tokens()
        try:
            return self._once(method, send, _bearer(tokens), writes=writes)
        except StaleSession:
            tokens = self._session.renew(tokens)
        try:
            return self._once(method, send, _bearer(tokens), writes=writes)
        except StaleSession as error:
            raise CredentialsRefused(f"{error}; {AUTHORIZE} again") from error

    def _once(
        self,
        method: str,
        send: Callable[[Mapping[str, str]], Response],
        headers: Mapping[str, str],
        *,
        writes: bool = False,
    ) -> Payload:
        with self._gate.call(method) as call:
            try:
                response = send(headers)
            except (AtProtocolError, httpx.HTTPError, ValueError) as error:
                if isinstance(error, RequestErrorBase) and error.response is not None:
                    _note_budget(call, error.response.headers)
                raise understood(error, method, writes=writes) from error
            _note_budget(call, response.headers)
            # An order that has nothing to tell is answered with nothing.
            content = {} if response.content == b"" else response.content
            if not isinstance(content, dict):
                raise understood(ValueError("no object"), method, writes=writes)
            return Payload(SITE, content)

    def _address(self, method: str) -> str:
        return f"{self.url}/xrpc/{method}"


def _bearer(tokens: Tokens) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens.access}"}


def _note_budget(call: Call, headers: Mapping[str, str]) -> None:
    """Tell the gate what the RateLimit headers say, where all of them can be read."""
    try:
        limit, remaining, reset = (
            int(headers[f"ratelimit-{name}"]) for name in ("limit", "remaining", "reset")
        )
        reset_at = datetime.fromtimestamp(reset, UTC)
    except (KeyError, ValueError, OverflowError, OSError):
        return
    call.budget(limit=limit, remaining=remaining, reset_at=reset_at)
