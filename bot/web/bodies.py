"""Forms are small: a body that says nothing of its size, or says too much, is refused before it is read."""

from __future__ import annotations

from collections.abc import Collection

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

MOST_BYTES = 256 * 1024
_WITHOUT_BODY = {"GET", "HEAD", "OPTIONS"}


class SmallBodies:
    """ASGI middleware. The server reads no more of a body than its stated length."""

    def __init__(self, app: ASGIApp, *, but: Collection[str] = ()) -> None:
        """`but`: paths that size up their bodies themselves."""
        self._app = app
        self._but = frozenset(but)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        app: ASGIApp = self._app
        if (
            scope["type"] == "http"
            and scope["method"] not in _WITHOUT_BODY
            and scope["path"] not in self._but
        ):
            headers = dict(scope["headers"])
            length = headers.get(b"content-length", b"0" if b"transfer-encoding" not in headers else b"")
            if not length.isdigit():
                app = PlainTextResponse("say how long the body is\n", 411)
            elif len(length) > 9 or int(length) > MOST_BYTES:
                app = PlainTextResponse(f"at most {MOST_BYTES} bytes are read\n", 413)
        await app(scope, receive, send)
