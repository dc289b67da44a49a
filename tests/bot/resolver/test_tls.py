"""Names stay names under TLS: SNI and certificate check, although the connection goes to an address."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.errors import ResolveFailure
from bot.resolver.fetcher import GuardedFetcher
from bot.resolver.limits import FetchLimits
from tests.bot.resolver.conftest import QUICK, failure
from tests.bot.resolver.server import PNG, Server, answer, redirect

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl makes the test's certificate"
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    pem = folder / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=media.example", "-addext", "subjectAltName=DNS:media.example",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    pem.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return pem


@pytest.fixture
def names() -> list[str | None]:
    """The server names that clients have asked for."""
    return []


@pytest.fixture
def secure(certificate: Path, names: list[str | None]) -> Iterator[Server]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda connection, name, ours: names.append(name)
    server = Server(tls=context)
    server.handlers["/x"] = answer()
    yield server
    server.stop()


def fetcher_for(server: Server, certificate: Path | None, **limits: float) -> GuardedFetcher:
    return GuardedFetcher(
        FetchLimits(**{**QUICK, "attempts": 1, "ports": frozenset({server.port}), **limits}),  # type: ignore[arg-type]
        allow_networks=["127.0.0.1/32"],
        lookup=lambda host, port: ["127.0.0.1"],
        tls=ssl.create_default_context(cafile=certificate) if certificate else None,
    )


def test_the_name_is_kept(secure: Server, certificate: Path, names: list[str | None], target: Path) -> None:
    secure.handlers["/start"] = redirect("/x")
    downloaded = fetcher_for(secure, certificate).download(secure.url("/start", host="Media.Example"), target)
    assert downloaded.size == len(PNG)
    assert names == ["media.example", "media.example"]
    assert secure.requests[0].headers["host"] == f"media.example:{secure.port}"


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
def test_another_name_is_refused(secure: Server, certificate: Path, target: Path, host: str) -> None:
    fetcher = fetcher_for(secure, certificate)
    error = failure(lambda: fetcher.download(secure.url("/x", host=host), target))
    assert error.reason is ResolveFailure.NETWORK
    assert "certificate" in str(error).lower()
    assert secure.requests == []


def test_an_unknown_authority_is_refused(secure: Server, target: Path) -> None:
    error = failure(
        lambda: fetcher_for(secure, None).download(secure.url("/x", host="media.example"), target)
    )
    assert error.reason is ResolveFailure.NETWORK
    assert "certificate" in str(error).lower()


def test_a_handshake_that_never_comes_is_given_up(certificate: Path, target: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = type("Silent", (), {"port": listener.getsockname()[1]})()
        fetcher = fetcher_for(silent, certificate, connect_seconds=0.2)
        began = time.monotonic()
        error = failure(lambda: fetcher.download(f"https://media.example:{silent.port}/x", target))
        assert error.reason is ResolveFailure.NETWORK
        assert time.monotonic() - began < 2
