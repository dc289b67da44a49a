"""Pages as text: what a reader would see, under the guards of every fetch, whatever the page tries."""

from __future__ import annotations

import gzip
import time

import pytest

from bot.errors import ResolveFailure
from bot.resolver.fetcher import GuardedFetcher
from bot.resolver.page_text import page_text
from tests.bot.resolver.conftest import MakeFetcher, failure, reason
from tests.bot.resolver.server import PNG, Server, answer, redirect
from tests.bot.resolver.test_attacks import NETWORK, endless

HTML = "Content-Type: text/html; charset=utf-8"
PAGE = """<!DOCTYPE html><html><head><title>A cat &amp; a cup</title>
<style>p { color: red }</style><script>document.write("<p>never</p>")</script></head>
<body><p>The   picture is <b>not</b> new.<p>It is from 2019 &lt;sic&gt;<br>and shows a caf\u00e9
<!-- hidden --><noscript>no</noscript><svg><svg><text>drawn</text></svg><text>drawn</text></svg><br/>end"""
TEXT = "A cat & a cup\nThe picture is not new.\nIt is from 2019 <sic>\nand shows a caf\u00e9\nend"


def test_a_page_becomes_what_a_reader_sees(server: Server, fetcher: GuardedFetcher) -> None:
    server.handlers["/start"] = redirect("/page")
    server.handlers["/page"] = answer(PAGE.encode(), headers=(HTML,))
    assert fetcher.read_text(server.url("/start")) == TEXT


def test_plain_text_keeps_what_looks_like_markup(server: Server, fetcher: GuardedFetcher) -> None:
    server.handlers["/x"] = answer(b"a <b>\r\n\r\n  c", headers=("Content-Type: text/plain",))
    assert fetcher.read_text(server.url("/x")) == "a <b>\nc"


@pytest.mark.parametrize(
    ("content", "content_type", "expected"),
    [
        ("d\u00e9j\u00e0".encode(), "text/html", "d\u00e9j\u00e0"),
        ("d\u00e9j\u00e0".encode("cp1252"), "text/html", "d\u00e9j\u00e0"),
        ("\u201cq\u201d".encode("cp1252"), "text/html; charset=ISO-8859-1", "\u201cq\u201d"),
        ("\u043a\u043e\u0442".encode("koi8-r"), "text/html; charset='KOI8-R'", "\u043a\u043e\u0442"),
        ("<meta charset=shift_jis>\u732b".encode("shift_jis"), "text/html", "\u732b"),
        ("<meta http-equiv=x content='text/html; charset=gb2312'>\u732b".encode("gbk"), "", "\u732b"),
        ("\u732b".encode("utf-16"), "text/html", "\u732b"),
        (b"\xef\xbb\xbfa", "text/plain; charset=ascii", "a"),
        ("d\u00e9j\u00e0".encode(), "text/html; charset=nonsense", "d\u00e9j\u00e0"),
        # Codecs that are slow or no charset at all are not used, whoever names them.
        (b"xn--a-b", "text/html; charset=punycode", "xn--a-b"),
        (rb"\x41", "text/html; charset=unicode_escape", r"\x41"),
        (b"YQ==", "text/html; charset=base64", "YQ=="),
        (b"\xff\xfe", "text/plain", ""),
        (b"", "text/html", ""),
        ("caf\u00e9".encode()[:-1], "text/html", "caf\ufffd"),
    ],
)
def test_charsets(content: bytes, content_type: str, expected: str) -> None:
    assert page_text(content, content_type) == expected


def test_what_comes_after_the_cap_is_not_read(server: Server, fetcher: GuardedFetcher) -> None:
    server.handlers["/x"] = endless(f"HTTP/1.1 200 OK\r\n{HTML}\r\n\r\n".encode(), b"<p>word " * 100)
    assert fetcher.read_text(server.url("/x"), max_bytes=800).count("word") == 100
    server.handlers["/x"] = answer(b"word " * 10_000, headers=(HTML,))
    assert len(fetcher.read_text(server.url("/x"), max_bytes=1_000)) <= 1_000


def test_a_packed_page_is_unpacked_no_further_than_the_cap(server: Server, fetcher: GuardedFetcher) -> None:
    bomb = gzip.compress(b"<p>word " * 2_000_000)
    server.handlers["/x"] = answer(bomb, headers=(HTML, "Content-Encoding: gzip"))
    assert fetcher.read_text(server.url("/x"), max_bytes=80_000).count("word") == 10_000


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (PNG, "text/html"),
        (PNG, "image/png"),
        (b"%PDF-1.7", "application/pdf"),
        (b"{}", "application/json"),
        (b"a\0b", None),
    ],
)
def test_what_is_no_text_is_refused(
    server: Server, fetcher: GuardedFetcher, body: bytes, kind: str | None
) -> None:
    server.handlers["/x"] = answer(body, headers=(f"Content-Type: {kind}",) if kind else ())
    error = failure(lambda: fetcher.read_text(server.url("/x?secret=1")))
    assert error.reason is ResolveFailure.UNSUPPORTED
    assert "neither a web page nor text" in str(error)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.2:{port}/x", ResolveFailure.BLOCKED_ADDRESS),
        ("http://169.254.169.254:{port}/latest/meta-data/", ResolveFailure.BLOCKED_ADDRESS),
        ("http://a:secret@127.0.0.1:{port}/x", ResolveFailure.BLOCKED_ADDRESS),
        ("http://127.0.0.1:1/x", ResolveFailure.BLOCKED_ADDRESS),
        ("file:///etc/passwd", ResolveFailure.UNSUPPORTED),
        ("javascript:alert(1)", ResolveFailure.UNSUPPORTED),
        ("/no/host", ResolveFailure.UNSUPPORTED),
    ],
)
def test_pages_are_guarded_like_media_also_behind_a_redirect(
    server: Server, fetcher: GuardedFetcher, url: str, expected: ResolveFailure
) -> None:
    target = url.format(port=server.port)
    assert reason(lambda: fetcher.read_text(target)) is expected
    assert server.connections == 0
    if "://" in target:
        server.handlers["/start"] = redirect(target)
        assert reason(lambda: fetcher.read_text(server.url("/start"))) is expected
        assert server.connections == 1


@pytest.mark.parametrize("name", ["a head that trickles", "a head that never ends", "no HTTP at all"])
def test_servers_that_want_our_time_get_little(server: Server, make_fetcher: MakeFetcher, name: str) -> None:
    server.handlers["/x"] = NETWORK[name]
    fetcher = make_fetcher(attempts=1, total_seconds=1.0)
    assert reason(lambda: fetcher.read_text(server.url("/x"))) is ResolveFailure.NETWORK


@pytest.mark.parametrize(
    "piece", ["<!--", "<a ", "<a x", "</", "<a b='", "<![CDATA[", "<svg>", "&#", "<p>", "<script></"]
)
def test_pages_made_to_be_slow_are_left_soon(piece: str) -> None:
    began = time.monotonic()
    page_text((piece * (1_000_000 // len(piece))).encode(), "text/html")
    assert time.monotonic() - began < 8  # 3 s by design, and a busy machine


def test_a_long_script_hides_nothing_after_it() -> None:
    page = f"<p>before<script>{'var a = 1; ' * 60_000}</script><p>after"
    assert page_text(page.encode(), "text/html") == "before\nafter"
