"""How the loopback server serves a large file: with ranges and versions or without, whole or cut off."""

from __future__ import annotations

from collections.abc import Callable

from tests.bot.resolver.server import Handler, Request


def ranged(
    body: bytes, *, etag: str = '"v1"', most: int | None = None, headers: tuple[str, ...] = ()
) -> Handler:
    """Serve a file with ranges; break the connection off after `most` bytes of it."""

    def handle(request: Request, send: Callable[[bytes], None]) -> None:
        start, status = 0, "200 OK"
        asked = request.headers.get("range", "")
        if asked and request.headers.get("if-range", etag) == etag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            status = "206 Partial Content"
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) - start}", *headers]
        lines += [f"ETag: {etag}"] if etag else []
        if start:
            lines.append(f"Content-Range: bytes {start}-{len(body) - 1}/{len(body)}")
        rest = body[start:] if most is None else body[start : start + most]
        send("\r\n".join([*lines, "", ""]).encode() + (b"" if request.method == "HEAD" else rest))

    return handle


def plain(body: bytes, *, most: int | None = None) -> Handler:
    """Serve a file without ranges and versions."""

    def handle(request: Request, send: Callable[[bytes], None]) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        send(head + (body if most is None else body[:most]))

    return handle
