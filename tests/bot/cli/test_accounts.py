"""`veritag accounts` and `veritag api-keys`, as an operator types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli.app import app
from state.model import Mode
from state.store import Store

PASSWORD = "correct horse battery\n"


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VERITAG_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def veritag(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, arguments, input=typed)


def listed(command: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(veritag(command, "list", "--json").stdout)
    return found


def test_accounts_are_made_listed_and_changed() -> None:
    assert "this machine alone" in veritag("accounts", "list").stdout
    assert veritag("accounts", "add", "ada", "--role", "admin", typed=PASSWORD).exit_code == 0
    assert veritag("accounts", "add", "ann", "--subject", "ann-elsewhere").exit_code == 0
    assert veritag("accounts", "role", "ann", "--role", "viewer").exit_code == 0
    assert veritag("accounts", "disable", "ann").exit_code == 0
    assert listed("accounts") == [
        {"name": "ada", "role": "admin", "disabled": False, "subject": None},
        {"name": "ann", "role": "viewer", "disabled": True, "subject": "ann-elsewhere"},
    ]
    assert veritag("accounts", "enable", "ann").exit_code == 0
    assert veritag("accounts", "password", "ada", typed="another password\n").exit_code == 0


def test_what_was_done_is_in_the_audit_log_without_the_password(data_folder: Path) -> None:
    veritag("accounts", "add", "ada", "--role", "admin", typed=PASSWORD)
    store = Store(data_folder / "state.sqlite3", Mode.LIVE)
    try:
        (row,) = store.audit.latest()
        assert (row.actor, row.action, row.subject) == ("command line", "account_add", "account:ada")
        assert PASSWORD.strip() not in "\n".join(store.db.conn.iterdump())
    finally:
        store.close()


def test_keys_are_made_listed_and_taken_back(data_folder: Path) -> None:
    key = veritag("api-keys", "add", "archive").stdout.strip()
    store = Store(data_folder / "state.sqlite3", Mode.LIVE)
    try:
        assert store.api_keys.admit(key) is not None
        assert veritag("api-keys", "disable", "archive").exit_code == 0
        assert store.api_keys.admit(key) is None
    finally:
        store.close()
    assert listed("api-keys")[0]["disabled"] is True
    assert key not in veritag("api-keys", "list").stdout
