"""Servers that want the fetcher's time, disk or memory: each is capped, nothing is left behind."""

from __future__ import annotations

import gzip
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.errors import ResolveFailure
from bot.resolver.fetcher import GuardedFetcher
from tests.bot.resolver.conftest import MakeFetcher, failure
from tests.bot.resolver.server import PNG, Handler, Request, Server, answer, trickle

HEAD = b"HTTP/1.1 200 OK\r\n"
Send = Callable[[bytes], None]


def endless(head: bytes, piece: bytes) -> Handler:
    def handle(request: Request, send: Send) -> None:
        send(head)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            send(piece)

    return handle


def once(data: bytes) -> Handler:
    def handle(request: Request, send: Send) -> None:
        send(data)

    return handle


def zeros_packed(coding_bytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return packer.compress(PNG) + packer.compress(bytes(coding_bytes)) + packer.flush()


CHUNK = b"1000\r\n" + PNG.ljust(0x1000, b"\0") + b"\r\n"
BOMB = zeros_packed(50_000_000)
TOO_LARGE: dict[str, Handler] = {
    "endless, without a length": endless(HEAD + b"\r\n" + PNG, bytes(20_000)),
    "endless chunks": endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", CHUNK),
    "a length over the limit": answer(PNG, length=200_001),
    "an absurd length": answer(PNG, length=10**19),
    "a body over the limit without a length": once(HEAD + b"\r\n" + PNG + bytes(300_000)),
    "a gzip bomb": answer(BOMB, headers=("Content-Encoding: gzip",)),
    "a bomb in deflate": answer(
        zlib.compress(PNG + bytes(9_000_000)), headers=("Content-Encoding: deflate",)
    ),
    "gzip that never yields a byte": endless(
        HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(PNG), gzip.compress(b"") * 500
    ),
}
NETWORK: dict[str, Handler] = {
    "a head that trickles": trickle(HEAD + b"X-A: ", drop=b"a"),
    "a status line that trickles": trickle(b"HTTP/1.1 ", drop=b"2"),
    "a body that trickles": trickle(HEAD + b"Content-Length: 100000\r\n\r\n" + PNG),
    "chunks that trickle": trickle(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK, drop=b"1\r\nx\r\n"),
    "trickling informational answers": trickle(
        b"HTTP/1.1 100 Continue\r\n\r\n", drop=b"HTTP/1.1 102 P\r\n\r\n"
    ),
    "a head that never ends": endless(HEAD, b"X-A: b\r\n" * 500),
    "one header that never ends": endless(HEAD + b"X-A: ", b"b" * 10_000),
    "informational answers without end": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 200),
    "too many headers": answer(headers=tuple(f"X-{n}: y" for n in range(300))),
    "a length that is too long": answer(PNG, length=len(PNG) + 1000),
    "a length that is no number": once(HEAD + b"Content-Length: x\r\n\r\n" + PNG),
    "two lengths": once(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n" + PNG),
    "no HTTP at all": once(PNG * 100),
    "hanging up at once": once(b""),
    "broken gzip": answer(PNG, headers=("Content-Encoding: gzip",)),
    "gzip that is cut off": answer(BOMB[:100], headers=("Content-Encoding: gzip",)),
    "a broken chunk": once(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK + b"zzzz\r\n"),
}


def check(server: Server, fetcher: GuardedFetcher, target: Path, handler: Handler) -> ResolveFailure:
    server.handlers["/x"] = handler
    began = time.monotonic()
    error = failure(lambda: fetcher.download(server.url("/x?secret"), target))
    assert time.monotonic() - began < 4
    assert not target.exists()
    return error.reason


@pytest.mark.parametrize("handler", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_too_large(server: Server, make_fetcher: MakeFetcher, target: Path, handler: Handler) -> None:
    fetcher = make_fetcher(attempts=1)
    assert check(server, fetcher, target, handler) is ResolveFailure.TOO_LARGE


@pytest.mark.parametrize("handler", NETWORK.values(), ids=NETWORK.keys())
def test_too_slow_or_broken(
    server: Server, make_fetcher: MakeFetcher, target: Path, handler: Handler
) -> None:
    fetcher = make_fetcher(attempts=1, total_seconds=1.5)
    assert check(server, fetcher, target, handler) is ResolveFailure.NETWORK


def test_silence_ends_by_the_read_limit(server: Server, make_fetcher: MakeFetcher, target: Path) -> None:
    fetcher = make_fetcher(read_seconds=0.2)
    assert check(server, fetcher, target, lambda request, send: time.sleep(1)) is ResolveFailure.NETWORK
    assert len(server.requests) == 1


def test_a_coding_that_was_not_asked_for(server: Server, fetcher: GuardedFetcher, target: Path) -> None:
    handler = answer(PNG, headers=("Content-Encoding: br",))
    assert check(server, fetcher, target, handler) is ResolveFailure.UNSUPPORTED


def test_a_longer_body_than_promised_is_cut_at_the_promise(
    server: Server, fetcher: GuardedFetcher, target: Path
) -> None:
    server.handlers["/x"] = answer(PNG + bytes(100_000), length=len(PNG))
    assert fetcher.download(server.url("/x"), target).size == len(PNG)


def test_a_bomb_takes_little_memory(server: Server, make_fetcher: MakeFetcher, target: Path) -> None:
    fetcher = make_fetcher(max_bytes=40_000_000)
    tracemalloc.start()
    assert check(server, fetcher, target, answer(BOMB, headers=("Content-Encoding: gzip",))) is (
        ResolveFailure.TOO_LARGE
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000
