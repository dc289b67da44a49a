"""A loopback web server that can misbehave: each path has a function that writes raw bytes to the socket."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + bytes(200)


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    method: str = "GET"


Handler = Callable[[Request, Callable[[bytes], None]], None]


def answer(
    body: bytes = PNG, *, status: int = 200, headers: tuple[str, ...] = (), length: int | None = None
) -> Handler:
    """A well-behaved answer, but for what the arguments say."""
    lines = [
        f"HTTP/1.1 {status} Said",
        *headers,
        f"Content-Length: {len(body) if length is None else length}",
    ]

    def handle(request: Request, send: Callable[[bytes], None]) -> None:
        send("\r\n".join([*lines, "", ""]).encode() + body)

    return handle


def redirect(target: str, status: int = 302) -> Handler:
    return answer(b"", status=status, headers=(f"Location: {target}",))


def in_turn(*handlers: Handler) -> Handler:
    """Another handler at each request; the last one for all that follow."""
    left = list(handlers)

    def handle(request: Request, send: Callable[[bytes], None]) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(request, send)

    return handle


def trickle(first: bytes, drop: bytes = b"x", every: float = 0.02, seconds: float = 5.0) -> Handler:
    def handle(request: Request, send: Callable[[bytes], None]) -> None:
        send(first)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            send(drop)
            time.sleep(every)

    return handle


@dataclass
class Server:
    """Answers with the handler of the path; 404 for paths without one. Counts what it sees."""

    address: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    handlers: dict[str, Handler] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    busy: int = 0
    most_busy: int = 0
    _count: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._listener = socket.create_server((self.address, 0), backlog=128)
        self._listener.settimeout(0.02)
        self.port: int = self._listener.getsockname()[1]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def url(self, path: str = "/", host: str | None = None) -> str:
        return f"{'https' if self.tls else 'http'}://{host or self.address}:{self.port}{path}"

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        serving: list[threading.Thread] = []
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = self._listener.accept()
                self.connections += 1
                serving.append(threading.Thread(target=self._serve, args=(client,), daemon=True))
                serving[-1].start()
        for thread in serving:
            thread.join(10)

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(10)
        with contextlib.suppress(OSError, ValueError), client:  # clients that hang up are the point here
            stream = self.tls.wrap_socket(client, server_side=True) if self.tls else client
            with stream, self._counted():
                request = _read_request(stream)
                self.requests.append(request)

                def send(data: bytes) -> None:
                    if self._stopping.is_set():
                        raise ConnectionAbortedError
                    stream.sendall(data)

                self.handlers.get(request.path.partition("?")[0], answer(b"", status=404))(request, send)

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._count:
            self.busy += 1
            self.most_busy = max(self.most_busy, self.busy)
        try:
            yield
        finally:
            with self._count:
                self.busy -= 1


def _read_request(stream: socket.socket) -> Request:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = stream.recv(65536)
        if not piece:
            raise ConnectionAbortedError
        data += piece
    first, *lines = data.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    method, path, _ = first.split(" ")
    return Request(path, headers, method)
