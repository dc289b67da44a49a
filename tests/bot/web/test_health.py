"""The health endpoint over real loopback ports."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from pydantic import SecretStr

from bot.errors import ConfigError
from bot.health import Check, HealthReport
from bot.web.health import create_app, is_allowed
from bot.web.server import WebServer

WELL = HealthReport((Check("watcher:inbox", ok=True, detail="3 mentions", age_seconds=1.5),))
SLOW = HealthReport(
    (*WELL.checks, Check("queue:send", ok=True, detail="x asked to wait", degraded=True)),
)
ILL = HealthReport((*WELL.checks, Check("engine", ok=False, detail="no detector could be loaded")))
TOKEN = SecretStr("0123456789abcdef-é")


@contextmanager
def served(health: Callable[[], HealthReport], token: SecretStr | None = None) -> Iterator[httpx.Client]:
    with (
        WebServer(create_app(health, token), port=0) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=5, trust_env=False) as client,
    ):
        assert server.alive
        yield client


def test_ready_names_every_check() -> None:
    with served(lambda: WELL) as client:
        answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "status": "ok",
        "checks": [
            {
                "name": "watcher:inbox",
                "ok": True,
                "detail": "3 mentions",
                "age_seconds": 1.5,
                "degraded": False,
            }
        ],
    }


def test_slowed_down_by_others_is_ready_and_says_so() -> None:
    with served(lambda: SLOW) as client:
        answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert [check["detail"] for check in answer.json()["checks"] if check["degraded"]] == ["x asked to wait"]


def test_not_ready_is_503_and_says_what_is_wrong_while_the_process_is_live() -> None:
    with served(lambda: ILL) as client:
        answer = client.get("/health")
        live = client.get("/health/live")
    assert answer.status_code == 503
    assert answer.json()["status"] == "failing"
    assert [check["name"] for check in answer.json()["checks"] if not check["ok"]] == ["engine"]
    assert (live.status_code, live.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("header", "seen"),
    [
        ({}, False),
        ({"Authorization": "Bearer wrong"}, False),
        ({"Authorization": "Basic 0123456789abcdef-\u00e9".encode()}, False),
        ({"Authorization": b"\xff\xfe"}, False),
    ],
)
def test_with_a_token_details_are_for_those_who_present_it(header: dict[str, str], seen: bool) -> None:
    with served(lambda: ILL, TOKEN) as client:
        answer = client.get("/health", headers=header)
    assert answer.status_code == 503
    assert answer.json() == {"status": "failing", "checks": []}


def test_the_right_token_shows_them() -> None:
    token = SecretStr("0123456789abcdef")
    with served(lambda: ILL, token) as client:
        answer = client.get("/health", headers={"Authorization": "bearer 0123456789abcdef"})
    assert len(answer.json()["checks"]) == 2


def test_tokens_beyond_ascii_compare() -> None:
    assert is_allowed(f"Bearer {TOKEN.get_secret_value()}".encode().decode("latin-1"), TOKEN)
    assert not is_allowed("Bearer 0123456789abcdef-e", TOKEN)
    assert not is_allowed("", TOKEN)
    assert is_allowed("", None)


def test_health_that_fails_itself_is_a_500_and_the_server_goes_on() -> None:
    reports = iter([WELL])

    def once() -> HealthReport:
        return next(reports, None) or 1 / 0  # type: ignore[return-value]

    with served(once) as client:
        client.headers["Connection"] = "close"
        assert [client.get("/health").status_code for _ in range(2)] == [200, 500]
        assert client.get("/health/live").status_code == 200


def test_nothing_else_is_served() -> None:
    with served(lambda: WELL) as client:
        for path in ["/", "/docs", "/openapi.json", "/health/", "/../etc/passwd"]:
            assert client.get(path).status_code in {404, 307}
        assert client.post("/health").status_code == 405


def test_a_port_in_use_names_the_port_and_the_mend() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"web\.port = {port} .*in use.*choose another") as caught:
            WebServer(create_app(lambda: WELL), port=port).start()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1", "not an address"])
def test_an_address_that_is_not_ours_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match=r"web\."):
        WebServer(create_app(lambda: WELL), host=host, port=0).start()


def test_the_port_is_free_again_at_once() -> None:
    first = WebServer(create_app(lambda: WELL), port=0)
    first.start()
    assert httpx.get(f"http://127.0.0.1:{first.port}/health", trust_env=False).status_code == 200
    first.stop()
    first.stop()
    assert not first.alive
    with WebServer(create_app(lambda: WELL), port=first.port) as second:
        assert second.alive


def test_stopping_takes_less_than_two_seconds_even_under_a_slow_request() -> None:
    entered, release = threading.Event(), threading.Event()

    def slow() -> HealthReport:
        entered.set()
        release.wait(10)
        return WELL

    server = WebServer(create_app(slow), port=0)
    server.start()
    with ThreadPoolExecutor(1) as pool, socket.create_connection(("127.0.0.1", server.port)) as idle:
        idle.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")  # never finished
        asked = pool.submit(httpx.get, f"http://127.0.0.1:{server.port}/health", trust_env=False)
        assert entered.wait(5)
        begun = time.monotonic()
        server.stop()
        took = time.monotonic() - begun
        release.set()
        asked.exception(timeout=10)
    assert took < 2.5
