"""The fault language, and what each fault looks like from a client."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI

from bot.standins.faults import HAS_EFFECT, Fault, FaultKind, Faults
from bot.standins.serving import Faulty, fault_routes
from bot.web.server import WebServer


def test_a_fault_meets_its_endpoint_as_often_as_it_says() -> None:
    faults = Faults()
    faults.add(Fault(FaultKind.RESET, "POST /2/*", times=2))
    assert faults.take("GET /2/tweets") is None
    assert [faults.take("POST /2/tweets") for _ in range(3)] == [FaultKind.RESET, FaultKind.RESET, None]
    assert faults.waiting() == ()


def test_faults_without_end_last_until_they_are_cleared() -> None:
    faults = Faults()
    faults.add(Fault(FaultKind.SERVER_ERROR, times=None))
    assert {faults.take("GET /") for _ in range(5)} == {FaultKind.SERVER_ERROR}
    faults.clear()
    assert faults.take("GET /") is None


def test_faults_come_in_their_order() -> None:
    faults = Faults()
    faults.add(Fault(FaultKind.RESET))
    faults.add(Fault(FaultKind.UNAUTHORIZED))
    assert [faults.take("GET /"), faults.take("GET /")] == [FaultKind.RESET, FaultKind.UNAUTHORIZED]


class Counter:
    """A server of one endpoint that counts its effects."""

    def __init__(self) -> None:
        self.effects = 0
        self.faults = Faults()
        app = FastAPI()

        @app.post("/count")
        def count() -> dict[str, int]:
            self.effects += 1
            return {"effects": self.effects}

        app.include_router(fault_routes(self.faults))
        self.app = Faulty(app, self.faults, {})


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def client(counter: Counter) -> Iterator[httpx.Client]:
    with (
        WebServer(counter.app, port=0) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=2) as client,
    ):
        yield client


@pytest.mark.parametrize("kind", list(FaultKind))
def test_every_fault_fails_one_request_and_keeps_its_word_on_the_effect(
    counter: Counter, client: httpx.Client, kind: FaultKind
) -> None:
    counter.faults.add(Fault(kind, "POST /count"))
    try:
        answer = client.post("/count")
        failed = answer.status_code >= 400 or "json" not in answer.headers["content-type"]
    except httpx.TransportError:
        failed = True
    assert failed
    assert counter.effects == (kind in HAS_EFFECT)
    assert client.post("/count").json() == {"effects": counter.effects}


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.TIMEOUT_BEFORE, httpx.ReadTimeout),
        (FaultKind.TIMEOUT_AFTER, httpx.ReadTimeout),
        (FaultKind.RESET, (httpx.ReadError, httpx.RemoteProtocolError)),
        (FaultKind.TRUNCATED, httpx.RemoteProtocolError),
    ],
)
def test_a_broken_connection_looks_like_one(
    counter: Counter, client: httpx.Client, kind: FaultKind, error: type[Exception]
) -> None:
    counter.faults.add(Fault(kind))
    with pytest.raises(error):
        client.post("/count")


def test_faults_are_ordered_over_http(client: httpx.Client) -> None:
    order = {"kind": "server_error", "endpoint": "POST /count", "times": 2}
    assert client.post("/stand-in/faults", json=order).json() == [order]
    assert client.post("/count").status_code == 503
    assert client.get("/stand-in/faults").json() == [order | {"times": 1}]
    assert client.delete("/stand-in/faults").json() == []
    assert client.post("/count").status_code == 200
    assert client.post("/stand-in/faults", json={"kind": "no such"}).status_code == 422
