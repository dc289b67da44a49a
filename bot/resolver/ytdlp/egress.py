"""The egress proxy: an HTTP proxy for one child, which reaches only what the guarded fetcher would reach.

It speaks CONNECT (for https) and plain requests with an absolute URL, to those who know its token. Each
connection is checked like a fetch: port, host, every address of one lookup; then what was checked is
connected to. All connections together have one allowance of bytes.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import secrets
import selectors
import socket
import struct
import threading
from collections.abc import Iterator

import httpx

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.exchange import parse_url, port_of
from bot.resolver.transport import Gate
from bot.resolver.wire import Deadline

MAX_CONNECTIONS = 32
_STEP = 64 * 1024
_END = b"\r\n\r\n"
_OWN_HEADERS = (b"proxy-", b"connection:", b"keep-alive:")


class EgressProxy:
    """Serves a listener from `start` to `stop`; ``refusals`` are the errors of what it did not do."""

    def __init__(self, listener: socket.socket, gate: Gate, *, max_bytes: int, deadline: Deadline) -> None:
        self.token = secrets.token_urlsafe(24)
        self.refusals: list[ResolveError] = []
        self._listener = listener
        self._gate = gate
        self._left = max_bytes
        self._max_bytes = max_bytes
        self._deadline = deadline
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._stopping = False
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to serve."""
        self._listener.settimeout(0.5)
        thread = threading.Thread(target=self._accept, name="egress", daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """Cut every connection and let the listener go. Safe to call twice."""
        with self._lock:
            self._stopping = True
            for each in self._open:
                _cut(each)
        _cut(self._listener)
        for thread in self._threads:
            thread.join(self._gate.limits.connect_seconds + self._gate.limits.lookup_seconds)
        self._listener.close()

    def _accept(self) -> None:
        serving: list[threading.Thread] = []
        while not self._stopping and self._deadline.left() > 0:
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:  # it was cut
                break
            serving = [thread for thread in serving if thread.is_alive()]
            if len(serving) >= MAX_CONNECTIONS:
                client.close()
                continue
            serving.append(threading.Thread(target=self._serve, args=(client,), name="egress", daemon=True))
            serving[-1].start()
        for thread in serving:
            thread.join()

    @contextlib.contextmanager
    def _held(self, connection: socket.socket) -> Iterator[socket.socket]:
        """A connection that `stop` cuts."""
        with connection:
            with self._lock:
                if self._stopping:
                    return
                self._open.add(connection)
            try:
                yield connection
            finally:
                with self._lock:
                    self._open.discard(connection)

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), self._held(client):
            client.settimeout(self._gate.limits.read_seconds)
            head, rest = _read_head(client, self._gate.limits.max_header_bytes)
            lines = head.split(b"\r\n")
            if not self._knows_token(lines):
                client.sendall(_answer("407 Proxy Authentication Required"))
                return
            try:
                self._relay_request(client, lines, rest)
            except _CutOff as cut:
                self._note(cut.why)
                # A plain end would make half a file look whole to who knows no length.
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except ResolveError as error:
                self._note(error)
                client.sendall(_answer("403 Refused" if error.reason in _FINAL else "502 Not Reached"))

    def _note(self, refusal: ResolveError) -> None:
        with self._lock:
            self.refusals.append(refusal)

    def _knows_token(self, lines: list[bytes]) -> bool:
        expected = b"Basic " + base64.b64encode(f"veritag:{self.token}".encode())
        sent = [value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])
                if name.lower() == b"proxy-authorization"]  # fmt: skip
        return len(sent) == 1 and hmac.compare_digest(sent[0], expected)

    def _relay_request(self, client: socket.socket, lines: list[bytes], rest: bytes) -> None:
        method, target, place = self._asked(lines[0])
        host = self._gate.guard.check_host(place.raw_host.decode("ascii"))
        limits = self._gate.limits
        with self._gate.slots.hold(host, min(limits.queue_seconds, max(self._deadline.left(), 0.0))):
            patience = min(limits.lookup_seconds, max(self._deadline.left(), 0.01))
            addresses = self._gate.guard.addresses(host, port_of(place), patience)
            with self._held(self._connect(addresses[: limits.max_addresses], host, port_of(place))) as server:
                if method == b"CONNECT":
                    client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                else:
                    server.sendall(_forwarded(method, target, lines[1:]))
                server.sendall(rest)
                if method != b"CONNECT":
                    self._relay_head(client, server)
                self._relay(client, server)

    def _asked(self, line: bytes) -> tuple[bytes, bytes, httpx.URL]:
        """Method, target to send on, and the checked place of a request line."""
        parts = line.split(b" ")
        try:
            method, target, _ = parts
            text = target.decode("ascii")
        except ValueError:
            raise ResolveError(
                ResolveFailure.UNSUPPORTED, "the child asked in no way that is known"
            ) from None
        if method == b"CONNECT":
            return method, b"", parse_url(f"https://{text}/", self._gate.limits)
        place = parse_url(text, self._gate.limits)
        if place.scheme != "http":
            raise ResolveError(ResolveFailure.UNSUPPORTED, "the child asked for https without a tunnel")
        return method, place.raw_path, place

    def _connect(self, addresses: tuple[str, ...], host: str, port: int) -> socket.socket:
        for address in addresses:
            seconds = min(self._gate.limits.connect_seconds, self._deadline.left())
            if seconds <= 0:
                break
            with contextlib.suppress(OSError):
                return socket.create_connection((address, port), timeout=seconds)
        raise ResolveError(ResolveFailure.NETWORK, f"{host} cannot be connected to")

    def _relay_head(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on the head of a plain answer, and say in it that this connection is for one request only.

        Raises:
            _CutOff: it is too large or too slow.
        """
        server.settimeout(max(min(self._gate.limits.read_seconds, self._deadline.left()), 0.01))
        try:
            head, rest = _read_head(server, self._gate.limits.max_header_bytes)
        except OSError:
            raise _CutOff(
                ResolveError(ResolveFailure.NETWORK, "a server of this site sends no HTTP")
            ) from None
        status, *fields = head.split(b"\r\n")
        self._spend(len(head) + len(rest))
        client.sendall(_one_request(status, fields) + rest)

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        """Pass bytes both ways until one side ends.

        Raises:
            _CutOff: both are silent for too long, the time is over, or the allowance is spent.
        """
        limits = self._gate.limits
        server.settimeout(limits.read_seconds)
        with selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            while (patience := min(limits.read_seconds, self._deadline.left())) > 0:
                events = ready.select(patience)
                if not events:
                    break
                for key, _ in events:
                    source = client if key.data is server else server
                    data = source.recv(_STEP)
                    if not data:
                        return
                    if source is server:
                        self._spend(len(data))
                    key.data.sendall(data)
        raise _CutOff(ResolveError(ResolveFailure.NETWORK, "a server of this site answers too slowly"))

    def _spend(self, count: int) -> None:
        with self._lock:
            self._left -= count
            spent = self._left < 0
        if spent:
            detail = f"yt-dlp wanted more than the {self._max_bytes} bytes that it may fetch for one link"
            raise _CutOff(ResolveError(ResolveFailure.TOO_LARGE, detail))


class _CutOff(Exception):
    """A connection was ended by us while bytes were still to come."""

    def __init__(self, why: ResolveError) -> None:
        super().__init__(str(why))
        self.why = why


_FINAL = frozenset({ResolveFailure.BLOCKED_ADDRESS, ResolveFailure.TOO_LARGE, ResolveFailure.UNSUPPORTED})


def _read_head(peer: socket.socket, most: int) -> tuple[bytes, bytes]:
    """The head of a message, and what came behind it already.

    Raises:
        OSError: it is too large, or ends too early.
    """
    data = b""
    while _END not in data:
        piece = peer.recv(4096)
        if not piece or len(data) > most:
            raise OSError("no head of a message")
        data += piece
    head, _, rest = data.partition(_END)
    return head, rest


def _forwarded(method: bytes, target: bytes, fields: list[bytes]) -> bytes:
    """A plain request as its server wants it."""
    return _one_request(method + b" " + target + b" HTTP/1.1", fields)


def _one_request(first: bytes, fields: list[bytes]) -> bytes:
    """A head on a connection that ends with its message, without what is between the proxy and one side."""
    kept = [field for field in fields if not field.lower().startswith(_OWN_HEADERS)]
    return b"\r\n".join([first, *kept, b"Connection: close"]) + _END


def _answer(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has ended by itself
        connection.shutdown(socket.SHUT_RDWR)
