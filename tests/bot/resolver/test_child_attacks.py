"""Servers and pages that attack yt-dlp's process: each is refused or capped, nothing is left behind."""

from __future__ import annotations

import gzip
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bot.errors import ResolveFailure
from bot.resolver.addresses import Lookup
from bot.resolver.ytdlp.runner import YtDlp
from tests.bot.resolver.conftest import MakeFetcher, failure
from tests.bot.resolver.server import Handler, Request, Server, answer, redirect, trickle

pytestmark = pytest.mark.e2e
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n"
PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
MP4 = b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(3000)
Send = Callable[[bytes], None]
NETWORK, TOO_LARGE = ResolveFailure.NETWORK, ResolveFailure.TOO_LARGE
BLOCKED = ResolveFailure.BLOCKED_ADDRESS


def endless(head: bytes, piece: bytes) -> Handler:
    def handle(request: Request, send: Send) -> None:
        send(head)
        while True:
            send(piece)

    return handle


def bomb(beginning: bytes, kind: str) -> Handler:
    """Two and a half gigabytes in as many megabytes."""
    packed = gzip.compress(beginning) + gzip.compress(bytes(10_000_000)) * 250
    return answer(packed, headers=("Content-Encoding: gzip", f"Content-Type: {kind}"))


PAGES: dict[str, tuple[Handler, set[ResolveFailure]]] = {
    "a head that trickles": (trickle(b"HTTP/1.1 200 OK\r\nX: ", drop=b"a", seconds=9), {NETWORK}),
    "a page that trickles": (trickle(PAGE + b"\r\n<html>", seconds=9), {NETWORK}),
    "silence": (lambda request, send: time.sleep(3), {NETWORK}),
    "headers without end": (endless(PAGE, b"X-A: b\r\n" * 500), {NETWORK, ResolveFailure.SITE_CHANGED}),
    "one header without end": (endless(PAGE + b"X: ", b"b" * 9000), {NETWORK, ResolveFailure.SITE_CHANGED}),
    "10,001 headers": (
        answer(MP4, headers=tuple(f"X-{n}: y" for n in range(10_001))),
        {NETWORK, ResolveFailure.SITE_CHANGED},
    ),
    "a page without end": (endless(PAGE + b"\r\n<html>", b"<p>" * 20_000), {TOO_LARGE, NETWORK}),
    "a gzip bomb": (bomb(b"<html>", "text/html"), {TOO_LARGE, NETWORK}),
    "a redirect to private": (redirect("http://127.0.0.2:{port}/x"), {BLOCKED}),
    "a redirect to the metadata service": (redirect("http://169.254.169.254:{port}/latest/"), {BLOCKED}),
    "a redirect to IPv6 loopback": (redirect("http://[::1]:{port}/x"), {BLOCKED}),
    "a redirect to a mapped address": (redirect("http://[::ffff:127.0.0.1]:{port}/x"), {BLOCKED}),
    "a redirect to a number": (redirect("http://2130706434:{port}/x"), {BLOCKED}),
    "a redirect to another port": (redirect("http://127.0.0.1:22/x"), {BLOCKED}),
    "a redirect to a file": (redirect("file:///etc/passwd"), {NETWORK, ResolveFailure.UNSUPPORTED}),
}


@pytest.fixture
def inside() -> Iterator[Server]:
    """What nobody may reach."""
    inside = Server(address="127.0.0.2")
    yield inside
    inside.stop()
    assert inside.connections == 0


@pytest.fixture(autouse=True)
def _nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    open_before = psutil.Process().num_fds()
    yield
    assert [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE] == []
    assert list(scratch.iterdir()) == []
    assert psutil.Process().num_fds() <= open_before + 2  # the server's own ends


def extractor(
    make_fetcher: MakeFetcher, server: Server, inside: Server, lookup: Lookup | None = None
) -> YtDlp:
    gate = make_fetcher(
        lookup=lookup, total_seconds=8.0, read_seconds=1.5, ports=frozenset({server.port, inside.port})
    ).gate
    return YtDlp(gate, extract_seconds=8.0)


@pytest.mark.parametrize("name", PAGES)
def test_a_page(make_fetcher: MakeFetcher, server: Server, inside: Server, name: str) -> None:
    handler, expected = PAGES[name]

    def aimed(request: Request, send: Send) -> None:
        handler(request, lambda data: send(data.replace(b"{port}", str(inside.port).encode())))

    server.handlers["/x"] = aimed
    began = time.monotonic()
    error = failure(lambda: extractor(make_fetcher, server, inside).extract(server.url("/x?secret")))
    assert error.reason in expected
    assert time.monotonic() - began < 12


def test_a_file_of_this_machine(
    make_fetcher: MakeFetcher, server: Server, inside: Server, tmp_path: Path
) -> None:
    (tmp_path / "x.mp4").write_bytes(MP4)
    failure(lambda: extractor(make_fetcher, server, inside).extract(f"file://{tmp_path}/x.mp4"))


def test_redirects_without_end(make_fetcher: MakeFetcher, server: Server, inside: Server) -> None:
    for step in range(10_001):
        server.handlers[f"/{step}"] = redirect(f"/{step + 1}")
    failure(lambda: extractor(make_fetcher, server, inside).extract(server.url("/0")))
    assert len(server.requests) < 100


@pytest.mark.parametrize("later", [["127.0.0.2"], ["127.0.0.1", "127.0.0.2"], ["::1"], ["64:ff9b::7f00:2"]])
def test_names_that_lead_elsewhere_later(
    make_fetcher: MakeFetcher, server: Server, inside: Server, later: list[str]
) -> None:
    answers = itertools.chain([["127.0.0.1"]], itertools.repeat(later))
    server.handlers["/x"] = redirect("/y")
    rebinding = extractor(make_fetcher, server, inside, lambda host, port: next(answers))
    error = failure(lambda: rebinding.extract(server.url("/x", host="rebind.example")))
    assert error.reason is BLOCKED


FILES: dict[str, tuple[Handler, set[ResolveFailure]]] = {
    "a file without end": (endless(HEAD + b"\r\n" + MP4, bytes(20_000)), {TOO_LARGE}),
    "a length over the limit": (answer(MP4, length=10**9, headers=("Content-Type: video/mp4",)), {TOO_LARGE}),
    "a gzip bomb": (bomb(MP4, "video/mp4"), {TOO_LARGE}),
    "a length that is too long": (
        answer(MP4, length=len(MP4) + 1000, headers=("Content-Type: video/mp4",)), {NETWORK},
    ),
    "a file that trickles": (trickle(HEAD + b"Content-Length: 100000\r\n\r\n" + MP4, seconds=9), {NETWORK}),
    "a page in place of a file": (
        answer(b"<html>not a video", headers=("Content-Type: video/mp4",)), {ResolveFailure.NO_MEDIA},
    ),
    "a playlist that names a file": (
        answer(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", headers=("Content-Type: video/mp4",)),
        {ResolveFailure.NO_MEDIA},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file(make_fetcher: MakeFetcher, server: Server, inside: Server, tmp_path: Path, name: str) -> None:
    handler, expected = FILES[name]
    into = tmp_path / "into"
    into.mkdir()
    first = answer(MP4, headers=("Content-Type: video/mp4",))
    seen = itertools.count()
    # Looked at twice to find out what it is; what is downloaded then is another thing.
    server.handlers["/x"] = lambda request, send: (first if next(seen) < 1 else handler)(request, send)
    began = time.monotonic()
    error = failure(
        lambda: extractor(make_fetcher, server, inside).download(server.url("/x"), "0:mp4", tmp_path)
    )
    assert error.reason in expected, str(error)
    assert time.monotonic() - began < 12


def test_a_playlist_of_segments_inside(
    make_fetcher: MakeFetcher, server: Server, inside: Server, tmp_path: Path
) -> None:
    into = tmp_path / "into"
    into.mkdir()
    listed = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{inside.url('/s.ts')}\n#EXT-X-ENDLIST\n"
    kind = ("Content-Type: application/vnd.apple.mpegurl",)
    server.handlers["/x.m3u8"] = answer(listed.encode(), headers=kind)
    child = extractor(make_fetcher, server, inside)
    selected = child.extract(server.url("/x.m3u8"))["formats"][0]["format_id"]
    error = failure(lambda: child.download(server.url("/x.m3u8"), f"0:{selected}", into))
    assert error.reason is BLOCKED
