"""A bounded HTTP peer on loopback that answers as the test says and keeps what it was asked."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request that arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What the peer answers: ``drip`` seconds before each piece of 64 bytes."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drip: float = 0.0

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def chat(answer: object, **usage: int) -> Reply:
    """A chat completion whose content is the answer."""
    content = answer if isinstance(answer, str) else json.dumps(answer)
    body: dict[str, Any] = {"choices": [{"message": {"role": "assistant", "content": content}}]}
    return Reply(body | ({"usage": usage} if usage else {}))


class Peer:
    """Gives its replies in order and the last one for ever."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/v1"
        self.replies: list[Reply] = []
        self.asked: list[Asked] = []

    def next(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@contextmanager
def serving(*replies: Reply) -> Iterator[Peer]:
    """Run a peer with these replies for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            peer.asked.append(Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            reply = peer.next()
            time.sleep(reply.delay)
            content = reply.content()
            self.send_response(reply.status)
            for name, value in {"content-length": str(len(content)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            for start in range(0, len(content), 64) if reply.drip else ():
                time.sleep(reply.drip)
                self.wfile.write(content[start : start + 64])
            if not reply.drip:
                self.wfile.write(content)

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                return  # the client gave up, which is what some tests are about

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    peer = Peer(server.server_address[1])
    peer.replies.extend(replies)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
