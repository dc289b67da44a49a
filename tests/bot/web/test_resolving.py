"""`POST /resolve` over a real loopback port, with answers of a fixture."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from bot.resolver import MediaStore, Resolver
from bot.resolver.fetcher import GuardedFetcher
from bot.resolver.replay import Fixture
from bot.web.resolving import AT_ONCE, resolve_router, with_token
from bot.web.server import WebServer

PHOTO = "https://cdn.example/1.jpg"
FIXTURE = {
    "exchanges": [{"url": PHOTO, "media": "image/jpeg"}, {"url": "https://cdn.example/2", "status": 410}]
}


@contextmanager
def served(tmp_path: Path, token: str | None = None, resolver: Any = None) -> Iterator[httpx.Client]:
    fetcher = GuardedFetcher(transport=Fixture(FIXTURE))
    app = FastAPI()
    secret = SecretStr(token) if token else None
    app.include_router(
        resolve_router(resolver or Resolver(fetcher, MediaStore(tmp_path)), with_token(secret))
    )
    with (
        WebServer(app, port=0) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=5, trust_env=False) as client,
    ):
        yield client


def test_media_and_reasons(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        good = client.post("/resolve", json={"url": PHOTO, "explain": True}).json()
        gone = client.post("/resolve", json={"url": "https://cdn.example/2"}).json()
        inside = client.post("/resolve", json={"url": "http://169.254.169.254/latest/"}).json()
    assert (good["input"], good["site"], good["route"], good["error"]) == (PHOTO, "web", "direct", None)
    assert good["media"][0]["mime"] == "image/jpeg"
    assert good["attempts"][-1]["outcome"] == "media"
    assert (gone["media"], gone["error"]["reason"], "attempts" in gone) == ([], "gone", False)
    assert inside["error"]["reason"] == "blocked_address"


def test_the_token_is_asked_for(tmp_path: Path) -> None:
    with served(tmp_path, token="0123456789abcdef") as client:
        assert client.post("/resolve", json={"url": PHOTO}).status_code == 401
        wrong = client.post("/resolve", json={"url": PHOTO}, headers={"Authorization": "Bearer x"})
        right = client.post(
            "/resolve", json={"url": PHOTO}, headers={"Authorization": "Bearer 0123456789abcdef"}
        )
    assert (wrong.status_code, right.status_code) == (401, 200)
    assert wrong.headers["www-authenticate"] == "Bearer"


def test_without_a_token_no_other_name_of_this_machine_is_answered(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        answer = client.post("/resolve", json={"url": PHOTO}, headers={"Host": "rebound.example:80"})
        assert answer.status_code == 403
        assert (
            client.post(
                "/resolve", content=b'{"url": "x"}', headers={"Content-Type": "text/plain"}
            ).status_code
            == 422
        )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422), (b"{", 422), (b"[]", 422), (b'{"url": ""}', 422), (b'{"url": 1}', 422),
        (b'{"url": "x", "more": 1}', 422), (b'{"url": "' + b"x" * 9000 + b'"}', 422), (b" " * 70_000, 413),
    ],
)  # fmt: skip
def test_bodies_that_make_no_sense(tmp_path: Path, body: bytes, status: int) -> None:
    with served(tmp_path) as client:
        answer = client.post("/resolve", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status


def test_a_body_of_unknown_length_is_not_read(tmp_path: Path) -> None:
    with (
        served(tmp_path) as client,
        socket.create_connection(("127.0.0.1", client.base_url.port or 0)) as raw,
    ):
        raw.sendall(b"POST /resolve HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert b" 411 " in raw.recv(1000)


def test_only_so_many_at_once(tmp_path: Path) -> None:
    import threading
    from concurrent.futures import ThreadPoolExecutor

    release, at_work = threading.Event(), threading.Semaphore(0)

    class Slow(Resolver):
        def resolve(self, url: str, watch: Any = None) -> Any:
            at_work.release()
            release.wait(5)
            return super().resolve(url, watch)

    resolver = Slow(GuardedFetcher(transport=Fixture(FIXTURE)), MediaStore(tmp_path))
    with served(tmp_path, resolver=resolver) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        first = [pool.submit(client.post, "/resolve", json={"url": PHOTO}) for _ in range(AT_ONCE)]
        for _ in range(AT_ONCE):
            assert at_work.acquire(timeout=5)
        refused = client.post("/resolve", json={"url": PHOTO})
        release.set()
        assert [future.result().status_code for future in first] == [200] * AT_ONCE
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
