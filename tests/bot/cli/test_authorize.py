"""`veritag authorize`: where a grant goes. How each platform comes by one is tested beside it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from bot.cli.edge import run
from bot.config import Settings, load
from bot.credentials import Credentials
from bot.errors import CredentialsRefused
from bot.platforms.authorizing import Grant, Terminal
from bot.platforms.x import authorizing

FILE = Path(".veritag/credentials/x.json")
SECRETS = {"api_key": "k", "access_token": "t o'k", "refresh_token": ""}


def granting(_terminal: Terminal, _settings: Settings, _credentials: Credentials) -> Grant:
    return Grant("@veritag", SECRETS)


def refusing(_terminal: Terminal, _settings: Settings, _credentials: Credentials) -> Grant:
    raise CredentialsRefused("X granted less than the bot needs; allow it to write")


def test_a_grant_is_stored_for_its_owner_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(authorizing, "authorize", granting)
    assert run(["authorize", "x"]) == 0
    assert json.loads(FILE.read_text("utf-8")) == SECRETS
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o600
    told = capsys.readouterr()
    assert told.out == ""
    assert "@veritag" in told.err
    assert SECRETS["access_token"] not in told.err


def test_print_stores_nothing_and_gives_lines_that_the_bot_reads(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(authorizing, "authorize", granting)
    assert run(["authorize", "x", "--print"]) == 0
    assert not FILE.exists()
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["VERITAG_X__API_KEY=k", """VERITAG_X__ACCESS_TOKEN='t o'"'"'k'"""]
    monkeypatch.setenv("VERITAG_X__API_KEY", "k")
    key = load().settings.x.api_key
    assert key is not None
    assert key.get_secret_value() == "k"


def test_a_refusal_stores_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(authorizing, "authorize", refusing)
    assert run(["authorize", "x"]) == 1
    assert not FILE.exists()
    assert "allow it to write" in capsys.readouterr().err


def test_a_platform_without_accounts_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["authorize", "inbox"]) == 2
    assert "known: bluesky, mastodon, x" in capsys.readouterr().err
