"""The egress proxy by itself: whom it serves, where it goes, how much it lets through."""

from __future__ import annotations

import base64
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from bot.errors import ResolveFailure
from bot.resolver.addresses import Lookup
from bot.resolver.wire import Deadline
from bot.resolver.ytdlp.egress import EgressProxy
from tests.bot.resolver.conftest import MakeFetcher
from tests.bot.resolver.server import PNG, Server, answer, trickle

Start = Callable[..., EgressProxy]


@pytest.fixture
def start(make_fetcher: MakeFetcher) -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(
            lookup: Lookup | None = None, max_bytes: int = 100_000, seconds: float = 5.0, **limits: object
        ) -> EgressProxy:
            listener = socket.create_server(("127.0.0.1", 0))
            gate = make_fetcher(lookup=lookup, **limits).gate
            proxy = EgressProxy(listener, gate, max_bytes=max_bytes, deadline=Deadline(seconds))
            proxy.port = listener.getsockname()[1]  # type: ignore[attr-defined]
            proxy.start()
            stack.callback(proxy.stop)
            return proxy

        yield begin


def sent(proxy: EgressProxy, request: bytes, *, token: str | None = None, more: bytes = b"") -> bytes:
    """All that comes back for a request line, with the token's header."""
    known = base64.b64encode(f"veritag:{proxy.token if token is None else token}".encode())
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:  # type: ignore[attr-defined]
        client.sendall(request + b"\r\nProxy-Authorization: Basic " + known + b"\r\n" + more + b"\r\n")
        got = b""
        while piece := client.recv(65536):
            got += piece
        return got


def reasons(proxy: EgressProxy) -> list[ResolveFailure]:
    return [refusal.reason for refusal in proxy.refusals]


def test_plain_requests_and_tunnels_reach_public_hosts(server: Server, start: Start) -> None:
    server.handlers["/x"] = answer(PNG)
    proxy = start(lookup=lambda host, port: ["127.0.0.1"])
    plain = sent(
        proxy, f"GET http://a.example:{server.port}/x?y=1 HTTP/1.1".encode(), more=b"Host: a.example\r\n"
    )
    assert plain.endswith(PNG)
    assert b"Connection: close\r\n\r\n" in plain
    [request] = server.requests
    assert request.path == "/x?y=1"
    assert "proxy-authorization" not in request.headers
    assert request.headers["connection"] == "close"
    inner = b"\r\nGET /x HTTP/1.1\r\nHost: a.example\r\n"
    tunnel = sent(proxy, f"CONNECT a.example:{server.port} HTTP/1.1".encode(), more=inner)
    assert tunnel.startswith(b"HTTP/1.1 200 Connected\r\n\r\nHTTP/1.1 200")
    assert tunnel.endswith(PNG)
    assert proxy.refusals == []


@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_without_the_token_nothing_is_done(server: Server, start: Start, token: str) -> None:
    proxy = start()
    assert sent(proxy, f"GET {server.url('/x')} HTTP/1.1".encode(), token=token).startswith(b"HTTP/1.1 407")
    assert server.connections == 0


FORMS = [
    "127.0.0.2", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "0x7f000002", "2130706434", "127.2",
    "0177.0.0.2", "localhost", "169.254.169.254", "100.64.0.1", "[fd00:ec2::254]", "metadata",
]  # fmt: skip


@pytest.mark.parametrize("host", FORMS)
def test_no_other_address_is_connected_to(start: Start, server: Server, host: str) -> None:
    inside = Server(address="127.0.0.2")
    lookup: Lookup = lambda name, port: ["127.0.0.2"]  # noqa: E731
    proxy = start(lookup=lookup, ports=frozenset({inside.port, server.port}))
    for request in (f"CONNECT {host}:{inside.port} HTTP/1.1", f"GET http://{host}:{inside.port}/ HTTP/1.1"):
        assert sent(proxy, request.encode()).startswith(b"HTTP/1.1 403")
    assert len(reasons(proxy)) == 2
    assert set(reasons(proxy)) <= {ResolveFailure.BLOCKED_ADDRESS, ResolveFailure.UNSUPPORTED}
    inside.stop()
    assert inside.connections == 0


def test_a_name_is_looked_up_once_for_each_connection_and_mixed_answers_are_refused(
    server: Server, start: Start
) -> None:
    server.handlers["/x"] = answer(PNG)
    answers = iter([["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1", "127.0.0.2"]])
    proxy = start(lookup=lambda host, port: next(answers))
    request = f"GET http://rebind.example:{server.port}/x HTTP/1.1".encode()
    assert sent(proxy, request).endswith(PNG)
    assert sent(proxy, request).startswith(b"HTTP/1.1 403")
    assert sent(proxy, request).startswith(b"HTTP/1.1 403")
    assert reasons(proxy) == [ResolveFailure.BLOCKED_ADDRESS] * 2
    assert server.connections == 1


@pytest.mark.parametrize(
    "request_line",
    [
        "CONNECT a.example:25 HTTP/1.1", "CONNECT user@a.example:443 HTTP/1.1", "CONNECT a/b:1 H", "x",
        "GET https://a.example/ HTTP/1.1", "GET ftp://a.example/ HTTP/1.1", "GET /etc/passwd HTTP/1.1",
        "GET file:///etc/passwd HTTP/1.1", "CONNECT  HTTP/1.1",
    ],
)  # fmt: skip
def test_what_is_no_request_of_a_proxy_is_refused(start: Start, request_line: str) -> None:
    proxy = start()
    assert sent(proxy, request_line.encode()).startswith(b"HTTP/1.1 403")
    assert len(proxy.refusals) == 1


def test_a_host_that_cannot_be_reached_is_a_fault_of_the_network(start: Start) -> None:
    unused = Server()
    unused.stop()
    proxy = start(ports=frozenset({unused.port}))
    assert sent(proxy, f"CONNECT 127.0.0.1:{unused.port} HTTP/1.1".encode()).startswith(b"HTTP/1.1 502")
    assert reasons(proxy) == [ResolveFailure.NETWORK]


def test_all_connections_share_one_allowance(server: Server, start: Start) -> None:
    server.handlers["/x"] = answer(bytes(30_000))
    proxy = start(max_bytes=70_000)
    request = f"GET {server.url('/x')} HTTP/1.1".encode()
    assert all(len(sent(proxy, request)) > 30_000 for _ in range(2))
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            sent(proxy, request)
    assert ResolveFailure.TOO_LARGE in reasons(proxy)


def test_silence_and_trickling_have_an_end(server: Server, start: Start) -> None:
    server.handlers["/silent"] = lambda request, send: time.sleep(2)
    server.handlers["/drops"] = trickle(b"HTTP/1.1 200 OK\r\n\r\n", seconds=4)
    proxy = start(read_seconds=0.3, seconds=1.5)
    began = time.monotonic()
    for path, most in (("/silent", 1.0), ("/drops", 2.5)):
        with pytest.raises(ConnectionResetError):
            sent(proxy, f"GET {server.url(path)} HTTP/1.1".encode())
        assert time.monotonic() - began < most
    assert reasons(proxy) == [ResolveFailure.NETWORK] * 2


def test_floods_of_headers_are_not_read_to_their_end(server: Server, start: Start) -> None:
    proxy = start(max_header_bytes=8192)
    with (
        socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client,  # type: ignore[attr-defined]
        pytest.raises(OSError),
    ):
        for _ in range(10_000):
            client.sendall(b"X-A: " + b"b" * 1000 + b"\r\n")
    assert server.connections == 0


def test_stopping_cuts_what_is_open(server: Server, start: Start) -> None:
    server.handlers["/silent"] = lambda request, send: time.sleep(2)
    proxy = start(read_seconds=60.0, seconds=60.0)
    import threading

    thread = threading.Thread(target=sent, args=(proxy, f"GET {server.url('/silent')} HTTP/1.1".encode()))
    thread.start()
    while not server.busy:
        time.sleep(0.01)
    began = time.monotonic()
    proxy.stop()
    thread.join(5)
    assert time.monotonic() - began < 1.5
    proxy.stop()
