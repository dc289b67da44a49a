"""Pages, APIs and short links through the guarded fetcher; and the same from a fixture."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from bot.errors import ResolveFailure
from bot.resolver.fetcher import GuardedFetcher
from bot.resolver.replay import Fixture, NotRecorded
from bot.resolver.tokens import Tokens
from tests.bot.resolver.conftest import MakeFetcher, failure, reason
from tests.bot.resolver.server import PNG, Server, answer, in_turn, redirect


def test_json_is_read_whatever_the_server_compresses(server: Server, fetcher: GuardedFetcher) -> None:
    body = json.dumps({"a": [1, "ü"]}).encode()
    server.handlers["/api"] = answer(gzip.compress(body), headers=("Content-Encoding: gzip",))
    assert fetcher.get_json(server.url("/api"), headers={"X-Key": "k"}) == {"a": [1, "ü"]}
    [request] = server.requests
    assert (request.headers["x-key"], request.headers["accept"]) == ("k", "application/json")


@pytest.mark.parametrize(
    "body", [b"<!doctype html>", b"", b'{"a": ', b"[" * 100_000, b"\xff\xfe", b"9" * 5000]
)
def test_what_is_no_json_is_a_changed_site(server: Server, fetcher: GuardedFetcher, body: bytes) -> None:
    server.handlers["/api"] = answer(body)
    error = failure(lambda: fetcher.get_json(server.url("/api?secret")))
    assert error.reason is ResolveFailure.SITE_CHANGED


def test_answers_below_500_are_for_the_site_to_read(server: Server, make_fetcher: MakeFetcher) -> None:
    fetcher = make_fetcher()
    server.handlers["/api"] = answer(b'{"error": "gone"}', status=404)
    seen = fetcher.get(server.url("/api"))
    assert (seen.status, seen.json()) == (404, {"error": "gone"})
    assert reason(lambda: fetcher.get_json(server.url("/api"))) is ResolveFailure.GONE
    server.handlers["/busy"] = answer(b"{}", status=429, headers=("X-Rate-Limit-Reset: 99999999999",))
    busy = failure(lambda: fetcher.get(server.url("/busy")))
    assert busy.reason is ResolveFailure.RATE_LIMITED
    assert busy.retry_at is not None
    server.handlers["/down"] = in_turn(answer(status=502), answer(b"{}"))
    assert make_fetcher().get(server.url("/down")).status == 200


def test_pages_have_a_cap_of_their_own(server: Server, fetcher: GuardedFetcher) -> None:
    server.handlers["/page"] = answer(bytes(5000))
    assert reason(lambda: fetcher.get(server.url("/page"), max_bytes=4999)) is ResolveFailure.TOO_LARGE
    assert len(fetcher.get(server.url("/page"), max_bytes=5000).body) == 5000


def test_what_is_posted_goes_to_that_place_once(server: Server, fetcher: GuardedFetcher) -> None:
    server.handlers["/token"] = answer(b'{"token": "t"}')
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert fetcher.post(server.url("/token"), b"grant=1", headers=form).json() == {"token": "t"}
    [request] = server.requests
    assert (request.method, request.headers["content-length"]) == ("POST", "7")
    server.handlers["/token"] = redirect("/elsewhere", status=307)
    assert reason(lambda: fetcher.post(server.url("/token"), b"secret")) is ResolveFailure.SITE_CHANGED
    server.handlers["/token"] = answer(status=502)
    assert reason(lambda: fetcher.post(server.url("/token"), b"x")) is ResolveFailure.NETWORK
    assert len(server.requests) == 3


def test_short_links_are_followed_without_reading_what_is_there(
    server: Server, make_fetcher: MakeFetcher
) -> None:
    server.handlers["/s"] = redirect("/long?a=1", status=301)
    server.handlers["/long"] = answer(PNG, status=403, length=10**9, headers=("Content-Encoding: br",))
    assert make_fetcher().final_url(server.url("/s")) == server.url("/long?a=1")
    server.handlers["/in"] = redirect("http://169.254.169.254/")
    assert reason(lambda: make_fetcher().final_url(server.url("/in"))) is ResolveFailure.BLOCKED_ADDRESS


def test_a_length_of_many_digits_is_too_large(server: Server, fetcher: GuardedFetcher, target: Path) -> None:
    server.handlers["/x"] = lambda request, send: send(
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n" + PNG
    )
    assert reason(lambda: fetcher.download(server.url("/x"), target)) in {
        ResolveFailure.TOO_LARGE, ResolveFailure.NETWORK,
    }  # fmt: skip


def test_a_fixture_stands_in_for_the_network(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<title>ü</title>")
    content = {
        "url": "https://s.example/1",
        "exchanges": [
            {"url": "https://s.example/1", "status": 302, "headers": {"location": "/2"}},
            {"url": "https://s.example/2", "file": "page.html", "headers": {"content-type": "text/html"}},
            {"url": "https://s.example/api", "json": {"turn": 1}},
            {"url": "https://s.example/api", "status": 404, "json": {"turn": 2}},
            {"url": "https://cdn.example/v", "media": "video/mp4", "headers": {"content-length": "123456"}},
            {"method": "POST", "url": "https://s.example/token", "text": "t"},
        ],
        "extractor": [
            {"url": "https://v.example/", "info": {"id": "1"}},
            {"url": "https://w.example/", "error": {"reason": "region", "detail": "not here"}},
        ],
    }
    (tmp_path / "f.json").write_text(json.dumps(content))
    fixture = Fixture.load(tmp_path / "f.json")
    fetcher = GuardedFetcher(transport=fixture)
    assert fetcher.get("https://s.example/1").text() == "<title>ü</title>"
    assert [fetcher.get("https://s.example/api").json()["turn"] for _ in range(3)] == [1, 2, 2]
    peek = fetcher.peek("https://cdn.example/v")
    assert (peek.mime, peek.size) == ("video/mp4", 123456)
    assert fetcher.download("https://cdn.example/v", tmp_path / "v").mime == "video/mp4"
    assert fetcher.post("https://s.example/token", b"x").text() == "t"
    assert fixture.asked[-1].content == b"x"
    assert fixture.extract("https://v.example/") == {"id": "1"}
    assert reason(lambda: fixture.extract("https://w.example/")) is ResolveFailure.REGION
    with pytest.raises(NotRecorded, match="no answer to GET"):
        fetcher.get("https://other.example/")
    assert reason(lambda: fetcher.get("http://127.0.0.1/")) is ResolveFailure.BLOCKED_ADDRESS


def test_tokens_are_renewed_before_they_run_out() -> None:
    now = 1000.0
    had: list[float] = []

    def renew() -> tuple[str, float]:
        had.append(now)
        return f"t{len(had)}", 3600.0

    tokens = Tokens(lambda: now)
    assert [tokens.get("reddit", renew) for _ in range(3)] == ["t1"] * 3
    now += 3539
    assert tokens.get("reddit", renew) == "t1"
    now += 2
    assert tokens.get("reddit", renew) == "t2"
    tokens.forget("reddit", "t1")
    assert tokens.get("reddit", renew) == "t2"
    tokens.forget("reddit", "t2")
    assert tokens.get("reddit", renew) == "t3"
