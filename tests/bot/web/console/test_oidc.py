"""Signing in elsewhere: the round trip with a provider on loopback, and how it can be forged."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from bot.config import load
from bot.errors import ConfigError
from tests.bot.web.console.conftest import Browser, Console, OpenConsole
from tests.bot.web.console.provider import CLIENT_ID, CLIENT_SECRET, Provider, served


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def console(open_console: OpenConsole, provider: Provider) -> Iterator[Console]:
    with served(provider) as issuer:
        section = {
            "issuer": issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "label": "Ourselves",
        }
        console = open_console(oidc=section)
        console.parts.store.accounts.add("ann", "reviewer", subject="ann-at-provider")
        yield console


def path_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


def go_round(browser: Browser) -> httpx.Response:
    """Start here, be sent there, come back."""
    away = browser.get("/console/oidc/start").headers["location"]
    back = httpx.get(away, trust_env=False).headers["location"]
    return browser.get(path_of(back))


def test_who_signed_in_elsewhere_is_let_in(console: Console) -> None:
    browser = console.client()
    assert "Sign in with Ourselves" in browser.get("/console/sign-in").text
    answer = go_round(browser)
    assert answer.status_code == 200
    assert "You are signed in" in answer.text
    text = browser.get("/console/operations").text
    assert "ann" in text
    assert "reviewer" in text


def test_who_has_no_account_here_is_told_how_to_get_one(console: Console, provider: Provider) -> None:
    provider.subject = "eve"
    answer = go_round(console.client())
    assert answer.status_code == 403
    assert "veritag accounts add NAME --subject eve" in answer.text


def test_a_disabled_account_stays_out(console: Console) -> None:
    console.parts.store.accounts.disable("ann")
    assert go_round(console.client()).status_code == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"nonce": "another"},
        {"exp": int(time.time()) - 3600},
    ],
)
def test_a_token_that_is_not_for_this_sign_in_is_refused(
    console: Console, provider: Provider, claims: dict[str, object]
) -> None:
    provider.claims = claims
    answer = go_round(console.client())
    assert answer.status_code == 403
    assert "not accepted" in answer.text


def test_a_token_signed_by_somebody_else_is_refused(console: Console, provider: Provider) -> None:
    provider.signer = RSAKey.generate_key(2048, {"kid": "one"})
    assert go_round(console.client()).status_code == 403


def test_an_answer_that_nobody_asked_for_is_refused(console: Console) -> None:
    away = console.client().get("/console/oidc/start").headers["location"]
    back = httpx.get(away, trust_env=False).headers["location"]
    assert console.client().get(path_of(back)).status_code == 403
    assert console.client().get("/console/oidc/return?code=1&state=2").status_code == 403


def test_a_provider_that_is_away_is_named(open_console: OpenConsole) -> None:
    with served(Provider()) as issuer:
        pass
    section = {"issuer": issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    answer = open_console(oidc=section).client().get("/console/oidc/start")
    assert answer.status_code == 503
    assert "cannot be reached" in answer.text


@pytest.mark.parametrize(
    ("issuer", "fault"),
    [("http://id.example", "not https"), ("https://id.example", "without the other two")],
)
def test_settings_that_cannot_be_safe_are_refused(
    monkeypatch: pytest.MonkeyPatch, issuer: str, fault: str
) -> None:
    monkeypatch.setenv("VERITAG_OIDC__ISSUER", issuer)
    if "not https" in fault:
        monkeypatch.setenv("VERITAG_OIDC__CLIENT_ID", "a")
        monkeypatch.setenv("VERITAG_OIDC__CLIENT_SECRET", "b")
    with pytest.raises(ConfigError, match=fault):
        load()
