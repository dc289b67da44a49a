"""Where an account's files are."""

from __future__ import annotations

import httpx
import pytest

from bot.errors import PlatformUnavailable, RateLimited, ResolveError, ResolveFailure
from bot.platforms.bluesky.servers import Servers
from bot.platforms.gate import Gate
from bot.resolver.base import Answer

PLC = "did:plc:abcdefghijklmnopqrstuvwx"
WEB = "did:web:lamps.example"
OWN = "https://bsky.social"


def document(did: str, endpoint: str) -> dict[str, object]:
    service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": endpoint}
    return {"id": did, "service": [service]}


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Servers:
    return Servers(Gate("bluesky"), "https://plc.example", OWN, httpx.Timeout(1))


def directory(servers: Servers, answer: httpx.Response | Exception) -> list[str]:
    """Let the PLC directory answer so; what it is asked."""
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if isinstance(answer, Exception):
            raise answer
        return answer

    servers._client = httpx.Client(transport=httpx.MockTransport(handle))
    return asked


def test_the_directory_is_asked_once_for_an_account(servers: Servers) -> None:
    asked = directory(servers, httpx.Response(200, json=document(PLC, "https://pds.example")))
    urls = {servers.blob_url(PLC, "bafy") for _ in range(3)}
    assert urls == {
        "https://pds.example/xrpc/com.atproto.sync.getBlob?did=did%3Aplc%3Aabcdefghijklmnopqrstuvwx&cid=bafy"
    }
    assert asked == [f"https://plc.example/{PLC}"]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, json={"message": "DID not registered"}),
        httpx.Response(410, json={"message": "DID not available"}),
        httpx.Response(200, json={"id": PLC}),
        httpx.Response(200, json=document("did:plc:zzzzzzzzzzzzzzzzzzzzzzzz", "https://pds.example")),
        httpx.Response(200, json=document(PLC, "https://pds.example/a/path")),
        httpx.Response(200, json=document(PLC, "file:///etc/passwd")),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[1]),
    ],
)
def test_an_account_without_a_server_is_looked_for_on_the_bots_own(
    servers: Servers, answer: httpx.Response
) -> None:
    directory(servers, answer)
    assert servers.blob_url(PLC, "bafy").startswith(f"{OWN}/xrpc/")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(429), RateLimited),
        (httpx.Response(503), PlatformUnavailable),
        (httpx.ConnectError("no route"), PlatformUnavailable),
        (httpx.ReadTimeout("silence"), PlatformUnavailable),
    ],
)
def test_a_directory_that_cannot_be_asked_now_is_asked_later(
    servers: Servers, answer: httpx.Response | Exception, error: type[Exception]
) -> None:
    directory(servers, answer)
    with pytest.raises(error):
        servers.blob_url(PLC, "bafy")


def test_a_host_that_is_an_account_is_asked_through_the_guarded_fetcher(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def get(url: str, **_: object) -> Answer:
        asked.append(url)
        raise ResolveError(ResolveFailure.BLOCKED_ADDRESS, "a private address")

    monkeypatch.setattr(servers._fetcher, "get", get)
    assert servers.blob_url(WEB, "bafy").startswith("https://lamps.example/xrpc/")
    assert servers.blob_url(WEB, "bafy").startswith("https://lamps.example/xrpc/")
    assert asked == ["https://lamps.example/.well-known/did.json"]


@pytest.mark.parametrize("did", ["did:key:z6Mk", "did:web:127.0.0.1%3A80", "rubbish", ""])
def test_other_names_are_never_asked_for(servers: Servers, did: str) -> None:
    asked = directory(servers, httpx.Response(500))
    assert servers.blob_url(did, "bafy").startswith(OWN)
    assert asked == []
