from __future__ import annotations

import gzip
import hashlib
import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.fetcher import GuardedFetcher
from tests.bot.resolver.conftest import MakeFetcher, failure, reason
from tests.bot.resolver.server import PNG, Handler, Request, Server, answer, in_turn, redirect


def test_a_medium_comes_whole(server: Server, fetcher: GuardedFetcher, target: Path) -> None:
    body = PNG + bytes(range(256)) * 500
    server.handlers["/photo"] = answer(body, headers=("Content-Type: text/html",))
    downloaded = fetcher.download(server.url("/photo?secret=1#part"), target)
    assert downloaded.path == target
    assert target.read_bytes() == body
    assert downloaded.size == len(body)
    assert downloaded.sha256 == hashlib.sha256(body).hexdigest()
    assert downloaded.mime == "image/png"
    assert downloaded.final_url == server.url("/photo?secret=1")
    assert target.stat().st_mode & 0o777 == 0o600
    [request] = server.requests
    assert request.path == "/photo?secret=1"
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    assert request.headers["accept-encoding"] == "identity"


def test_peek_reads_only_the_beginning(server: Server, fetcher: GuardedFetcher) -> None:
    server.handlers["/old"] = redirect("/new")
    server.handlers["/new"] = answer(PNG + bytes(5000), length=150_000)
    seen = fetcher.peek(server.url("/old"))
    assert (seen.final_url, seen.mime, seen.size) == (server.url("/new"), "image/png", 150_000)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (204, ResolveFailure.NO_MEDIA), (206, ResolveFailure.NO_MEDIA), (301, ResolveFailure.NO_MEDIA),
        (304, ResolveFailure.NO_MEDIA), (400, ResolveFailure.NO_MEDIA), (401, ResolveFailure.LOGIN_NEEDED),
        (403, ResolveFailure.PRIVATE), (404, ResolveFailure.GONE), (410, ResolveFailure.GONE),
        (408, ResolveFailure.NETWORK), (413, ResolveFailure.TOO_LARGE), (418, ResolveFailure.NO_MEDIA),
        (429, ResolveFailure.RATE_LIMITED), (451, ResolveFailure.REGION), (500, ResolveFailure.NETWORK),
        (501, ResolveFailure.NETWORK), (502, ResolveFailure.NETWORK), (503, ResolveFailure.NETWORK),
        (599, ResolveFailure.NETWORK),
    ],
)  # fmt: skip
def test_each_status_has_its_reason(
    server: Server, fetcher: GuardedFetcher, target: Path, status: int, expected: ResolveFailure
) -> None:
    server.handlers["/x"] = answer(b"" if status in {204, 304} else PNG, status=status)
    error = failure(lambda: fetcher.download(server.url("/x?token=secret"), target))
    assert error.reason is expected
    assert str(status) in str(error)
    assert error.passing == (expected in {ResolveFailure.NETWORK, ResolveFailure.RATE_LIMITED})


def test_faults_are_tried_again_and_no_further_than_allowed(
    server: Server, fetcher: GuardedFetcher, target: Path
) -> None:
    def hang_up(request: object, send: object) -> None:
        return

    server.handlers["/works"] = in_turn(answer(status=502), hang_up, answer())
    assert fetcher.download(server.url("/works"), target).size == len(PNG)
    assert len(server.requests) == 3
    target.unlink()
    server.handlers["/never"] = answer(status=500)
    assert reason(lambda: fetcher.download(server.url("/never"), target)) is ResolveFailure.NETWORK
    assert len(server.requests) == 6
    server.handlers["/gone"] = answer(status=404)
    assert reason(lambda: fetcher.download(server.url("/gone"), target)) is ResolveFailure.GONE
    assert len(server.requests) == 7


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_handed_up_not_slept(
    server: Server, fetcher: GuardedFetcher, target: Path, status: int
) -> None:
    server.handlers["/x"] = answer(status=status, headers=("Retry-After: 120",))
    error = failure(lambda: fetcher.download(server.url("/x"), target))
    assert error.reason is ResolveFailure.RATE_LIMITED
    assert error.retry_at is not None
    assert abs(error.retry_at - datetime.now(UTC) - timedelta(seconds=120)) < timedelta(seconds=10)
    assert len(server.requests) == 1


def test_a_refused_connection_is_a_network_fault(make_fetcher: MakeFetcher, target: Path) -> None:
    unused = Server()
    unused.stop()
    fetcher = make_fetcher(ports=frozenset({unused.port}))
    error = failure(lambda: fetcher.download(unused.url("/x"), target))
    assert error.reason is ResolveFailure.NETWORK
    assert error.passing


def test_ten_redirects_are_followed_and_not_one_more(
    server: Server, fetcher: GuardedFetcher, target: Path
) -> None:
    for step in range(10_001):
        server.handlers[f"/{step}"] = redirect(f"/{step + 1}", status=(301, 302, 303, 307, 308)[step % 5])
    server.handlers["/10001"] = answer()
    assert fetcher.download(server.url("/9991"), target).final_url == server.url("/10001")
    target.unlink()
    server.requests.clear()
    error = failure(lambda: fetcher.download(server.url("/0"), target))
    assert error.reason is ResolveFailure.NETWORK
    assert "redirects more than 10 times" in str(error)
    assert len(server.requests) == 11
    server.handlers["/loop"] = redirect("/loop")
    assert reason(lambda: fetcher.download(server.url("/loop"), target)) is ResolveFailure.NETWORK


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("http://127.0.0.2:{port}/x", ResolveFailure.BLOCKED_ADDRESS),
        ("//127.0.0.2:{port}/x", ResolveFailure.BLOCKED_ADDRESS),
        ("http://[::ffff:127.0.0.1]:{port}/x", ResolveFailure.BLOCKED_ADDRESS),
        ("http://0x7f000001:{port}/x", ResolveFailure.BLOCKED_ADDRESS),
        ("http://169.254.169.254:{port}/latest/meta-data/", ResolveFailure.BLOCKED_ADDRESS),
        ("http://a:b@127.0.0.1:{port}/x", ResolveFailure.BLOCKED_ADDRESS),
        ("http://127.0.0.1:1/x", ResolveFailure.BLOCKED_ADDRESS),
        ("file:///etc/passwd", ResolveFailure.UNSUPPORTED),
        ("ftp://127.0.0.1/x", ResolveFailure.UNSUPPORTED),
        ("data:image/png;base64,AAAA", ResolveFailure.UNSUPPORTED),
        ("http://[::1/x", ResolveFailure.UNSUPPORTED),
        ("x" * 9000, ResolveFailure.UNSUPPORTED),
    ],
)
def test_each_redirect_is_checked_like_the_first_url(
    server: Server, fetcher: GuardedFetcher, target: Path, to: str, expected: ResolveFailure
) -> None:
    server.handlers["/start"] = redirect("/middle")
    server.handlers["/middle"] = redirect(to.format(port=server.port))
    assert reason(lambda: fetcher.download(server.url("/start"), target)) is expected
    assert len(server.requests) == 2


def test_credentials_stay_with_their_origin_and_cookies_are_not_kept(
    server: Server, make_fetcher: MakeFetcher, target: Path
) -> None:
    server.handlers["/start"] = answer(
        b"", status=302, headers=("Location: /same", "Set-Cookie: a=b; Path=/")
    )
    server.handlers["/same"] = redirect(server.url("/there", host="other.example"))
    server.handlers["/there"] = redirect(server.url("/back"))
    server.handlers["/back"] = answer()
    fetcher = make_fetcher(lookup=lambda host, port: ["127.0.0.1"])
    fetcher.download(
        server.url("/start"), target, headers={"Authorization": "Bearer secret", "User-Agent": "us"}
    )
    sent = [request.headers.get("authorization") for request in server.requests]
    assert sent == ["Bearer secret", "Bearer secret", None, None]
    assert [request.headers["user-agent"] for request in server.requests] == [
        "us",
        "us",
        "Veritag/0.1",
        "Veritag/0.1",
    ]
    assert all("cookie" not in request.headers for request in server.requests)
    assert server.requests[2].headers["host"] == f"other.example:{server.port}"


def test_the_name_is_looked_up_once_and_the_checked_address_connected(
    server: Server, make_fetcher: MakeFetcher, target: Path
) -> None:
    inside = Server(address="127.0.0.2")
    answers = itertools.chain([["127.0.0.1"]], itertools.repeat(["127.0.0.2"]))
    asked: list[str] = []

    def rebind(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    server.handlers["/x"] = answer()
    fetcher = make_fetcher(lookup=rebind)
    fetcher.download(server.url("/x", host="rebind.example"), target)
    assert asked == ["rebind.example"]
    assert server.requests[0].headers["host"] == f"rebind.example:{server.port}"
    again = target.with_name("again")
    assert reason(lambda: fetcher.download(server.url("/x", host="rebind.example"), again)) is (
        ResolveFailure.BLOCKED_ADDRESS
    )
    inside.stop()
    assert inside.connections == 0
    assert server.connections == 1


def test_one_address_that_is_not_public_spoils_the_name(
    server: Server, make_fetcher: MakeFetcher, target: Path
) -> None:
    fetcher = make_fetcher(lookup=lambda host, port: ["127.0.0.1", "127.0.0.2"])
    url = server.url("/x", host="mixed.example")
    assert reason(lambda: fetcher.download(url, target)) is ResolveFailure.BLOCKED_ADDRESS
    assert server.connections == 0


def test_further_addresses_are_tried_where_the_first_takes_no_call(
    server: Server, make_fetcher: MakeFetcher, target: Path
) -> None:
    server.handlers["/x"] = answer()
    fetcher = make_fetcher(lookup=lambda host, port: ["127.0.0.3", "127.0.0.1"], allow=("127.0.0.0/8",))
    assert fetcher.download(server.url("/x", host="two.example"), target).size == len(PNG)


def test_proxies_of_the_environment_are_not_used(
    server: Server, fetcher: GuardedFetcher, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.2:9")
    server.handlers["/x"] = answer()
    assert fetcher.download(server.url("/x"), target).size == len(PNG)


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"", "nothing at all"), (b"<!DOCTYPE html><p>", "a web page"), (b"hello", "text"), (b"\0\1\2", "data")],
)
def test_what_is_no_medium_is_refused_whatever_its_header_says(
    server: Server, fetcher: GuardedFetcher, target: Path, body: bytes, words: str
) -> None:
    server.handlers["/photo.png"] = answer(body, headers=("Content-Type: image/png",))
    error = failure(lambda: fetcher.download(server.url("/photo.png"), target))
    assert error.reason is ResolveFailure.NO_MEDIA
    assert words in str(error)


def test_compressed_bodies_are_undone(server: Server, fetcher: GuardedFetcher, target: Path) -> None:
    body = PNG + bytes(100_000)
    packed = gzip.compress(body[:50_000]) + gzip.compress(body[50_000:])
    server.handlers["/x"] = answer(packed, headers=("Content-Encoding: gzip",))
    assert fetcher.download(server.url("/x"), target).sha256 == hashlib.sha256(body).hexdigest()


def test_transfers_from_one_host_are_limited(
    server: Server, make_fetcher: MakeFetcher, tmp_path: Path
) -> None:
    # Counted until the answer begins: what the server does behind the last byte is not the client's affair.
    at_once, most = 0, 0
    lock = threading.Lock()

    def slow(request: object, send: object) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.05)
        with lock:
            at_once -= 1
        answer()(request, send)  # type: ignore[arg-type]

    server.handlers["/x"] = slow
    fetcher = make_fetcher(per_host=2)
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda n: fetcher.download(server.url("/x"), tmp_path / str(n)), range(12)))
    assert len(list(tmp_path.iterdir())) == 12
    assert most == 2
    assert not any(host.busy for host in fetcher.gate.slots._hosts.values())


def test_waiting_for_a_slot_does_not_count_but_has_an_end(
    server: Server, make_fetcher: MakeFetcher, tmp_path: Path
) -> None:
    release = threading.Event()

    def hold(request: object, send: object) -> None:
        release.wait(10)
        answer()(request, send)  # type: ignore[arg-type]

    server.handlers["/hold"] = hold
    server.handlers["/x"] = answer()
    fetcher = make_fetcher(per_host=1, queue_seconds=0.2)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(fetcher.download, server.url("/hold"), tmp_path / "first")
        while not server.busy:
            time.sleep(0.01)
        assert reason(lambda: fetcher.download(server.url("/x"), tmp_path / "x")) is ResolveFailure.NETWORK
        release.set()
        assert first.result().size == len(PNG)


def test_closing_ends_what_is_running_and_waiting(
    server: Server, make_fetcher: MakeFetcher, tmp_path: Path
) -> None:
    def silent(request: object, send: object) -> None:
        time.sleep(1.5)

    server.handlers["/x"] = silent
    with (
        make_fetcher(per_host=1, read_seconds=30.0, total_seconds=60.0) as fetcher,
        ThreadPoolExecutor(2) as pool,
    ):
        running = [pool.submit(fetcher.download, server.url("/x"), tmp_path / str(n)) for n in range(2)]
        while not server.busy:
            time.sleep(0.01)
        began = time.monotonic()
        fetcher.close()
        for future in running:
            assert isinstance(future.exception(), ResolveError)
        assert time.monotonic() - began < 1
        assert reason(lambda: fetcher.download(server.url("/x"), tmp_path / "x")) is ResolveFailure.NETWORK
    assert list(tmp_path.iterdir()) == []


def cut_after(body: bytes, count: int, *headers: str, seen: list[str]) -> Handler:
    """A server that breaks off once, and sends the rest to whoever asks for it rightly."""

    def handle(request: Request, send: Callable[[bytes], None]) -> None:
        asked = request.headers.get("range")
        seen.append(f"{asked} {request.headers.get('if-range')}")
        rest = f"Content-Range: bytes {count}-{len(body) - 1}/{len(body)}"
        if asked == f"bytes={count}-" and request.headers["if-range"] == '"one"':
            answer(body[count:], status=206, headers=(*headers, rest))(request, send)
        else:
            answer(body if len(seen) > 1 else body[:count], length=len(body), headers=headers)(request, send)

    return handle


def test_what_breaks_off_goes_on_where_it_was(server: Server, fetcher: GuardedFetcher, target: Path) -> None:
    body = PNG + bytes(range(256)) * 200
    seen: list[str] = []
    server.handlers["/x"] = cut_after(body, 9000, 'ETag: "one"', seen=seen)
    got = fetcher.download(server.url("/x"), target)
    assert seen == ["None None", 'bytes=9000- "one"']
    assert (got.size, got.sha256, target.read_bytes()) == (len(body), hashlib.sha256(body).hexdigest(), body)


@pytest.mark.parametrize("header", ["X: y", 'ETag: W/"one"', "Accept-Ranges: none", 'ETag: "other"'])
def test_what_cannot_go_on_begins_again(
    server: Server, fetcher: GuardedFetcher, target: Path, header: str
) -> None:
    body = PNG + bytes(range(256)) * 200
    seen: list[str] = []
    server.handlers["/x"] = cut_after(body, 9000, header, seen=seen)
    assert fetcher.download(server.url("/x"), target).sha256 == hashlib.sha256(body).hexdigest()
    assert seen[1] == ('bytes=9000- "other"' if "other" in header else "None None")
    assert target.read_bytes() == body


@pytest.mark.parametrize("lie", ["bytes 0-9/10", "bytes 8999-9999/10000", "", "bytes x", "416"])
def test_a_rest_that_does_not_fit_is_not_taken(
    server: Server, fetcher: GuardedFetcher, target: Path, lie: str
) -> None:
    body = PNG + bytes(20_000)
    first = answer(body[:9000], length=len(body), headers=('ETag: "one"',))
    wrong = answer(b"x" * 11_000, status=416 if lie == "416" else 206, headers=(f"Content-Range: {lie}",))
    server.handlers["/x"] = in_turn(first, wrong, answer(body))
    if lie == "416":
        assert fetcher.download(server.url("/x"), target).size == len(body)
        assert "range" not in server.requests[2].headers
    else:
        failure(lambda: fetcher.download(server.url("/x"), target))


def test_a_host_that_asks_to_wait_is_left_alone(
    server: Server, make_fetcher: MakeFetcher, target: Path
) -> None:
    server.handlers["/busy"] = answer(status=429, headers=("Retry-After: 86400",))
    server.handlers["/x"] = answer()
    fetcher = make_fetcher()
    failure(lambda: fetcher.download(server.url("/busy"), target))
    error = failure(lambda: fetcher.download(server.url("/x"), target))
    assert error.reason is ResolveFailure.RATE_LIMITED
    assert error.retry_at is not None
    assert error.retry_at - datetime.now(UTC) < timedelta(minutes=16)
    assert len(server.requests) == 1


def test_requests_to_one_host_keep_their_pause(
    server: Server, make_fetcher: MakeFetcher, tmp_path: Path
) -> None:
    server.handlers["/x"] = answer()
    fetcher = make_fetcher(host_interval=0.1, per_host=4)
    began = time.monotonic()
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda n: fetcher.download(server.url("/x"), tmp_path / str(n)), range(5)))
    assert time.monotonic() - began > 0.4


def test_a_folder_that_takes_no_file_is_named(
    server: Server, fetcher: GuardedFetcher, tmp_path: Path
) -> None:
    server.handlers["/x"] = answer()
    error = failure(lambda: fetcher.download(server.url("/x"), tmp_path / "missing" / "x"))
    assert "missing" in str(error)
    (tmp_path / "there").write_text("kept")
    failure(lambda: fetcher.download(server.url("/x"), tmp_path / "there"))
    assert (tmp_path / "there").read_text() == "kept"


def test_no_log_shows_a_query(
    server: Server, fetcher: GuardedFetcher, target: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.handlers["/x"] = answer()
    with caplog.at_level(logging.DEBUG):
        fetcher.download(server.url("/x?token=secret"), target)
    assert "secret" not in caplog.text
