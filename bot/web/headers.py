"""Headers that every answer carries, unless its route says otherwise: no scripts but our own, no framing."""

from __future__ import annotations

from http.cookies import SimpleCookie

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

ALWAYS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "Cache-Control": "no-store",
}


class SafeHeaders:
    """ASGI middleware: adds what an answer does not set itself, and the cookie of a new session."""

    def __init__(self, app: ASGIApp, *, cookie: str, secure: bool) -> None:
        """`secure`: people reach this server by https."""
        self._app = app
        self._cookie = cookie
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in ALWAYS.items():
                    headers.setdefault(name, value)
                if self._secure:
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000")
                if token := scope.get("state", {}).get("new_session"):
                    headers.append("Set-Cookie", session_cookie(self._cookie, token, secure=self._secure))
            await send(message)

        await self._app(scope, receive, send_with_headers)


def session_cookie(name: str, token: str, *, secure: bool, ended: bool = False) -> str:
    """The `Set-Cookie` header of a session, or of its end."""
    cookie: SimpleCookie = SimpleCookie()
    cookie[name] = token
    settings = {"path": "/", "samesite": "Strict"} | ({"max-age": "0"} if ended else {})
    cookie[name].update(settings)
    cookie[name]["httponly"], cookie[name]["secure"] = True, secure
    return cookie[name].OutputString()
