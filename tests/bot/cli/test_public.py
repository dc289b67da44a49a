"""`veritag public`: public pages on request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli.app import app
from bot.errors import ConfigError
from state.model import MentionState, Mode
from state.store import Store
from tests.state.conftest import accept, post

runner = CliRunner()


@pytest.fixture
def store() -> Iterator[Store]:
    Path(".veritag").mkdir()
    opened = Store(Path(".veritag/state.sqlite3"), Mode.LIVE)
    yield opened
    opened.close()


@pytest.fixture
def token(store: Store) -> str:
    accept(store, post("m1"))
    (mention,) = store.mentions.in_state(MentionState.SEEN)
    return store.public_pages.add(mention.id).token


@pytest.mark.parametrize("form", ["{}", "https://bot.example/v/{}", "https://bot.example/v/{}/"])
def test_a_page_is_taken_down_by_its_address(store: Store, token: str, form: str) -> None:
    done = runner.invoke(app, ["public", "remove", form.format(token), "--reason", "by mail", "--by", "op"])
    assert (done.exit_code, done.stdout) == (0, "Taken down.\n")
    assert store.public_pages.get(token).removed_at is not None
    (row,) = store.audit.latest()
    assert (row.actor, row.action, row.data) == ("op", "take_page_down", {"reason": "by mail"})
    assert "taken down" in runner.invoke(app, ["public", "list"]).stdout
    assert runner.invoke(app, ["public", "restore", token]).exit_code == 0
    assert store.public_pages.get(token).removed_at is None


@pytest.mark.parametrize("page", ["nonsense", "https://bot.example/v/", "a" * 22])
def test_what_is_no_page_is_refused(store: Store, page: str) -> None:
    done = runner.invoke(app, ["public", "remove", page])
    assert isinstance(done.exception, ConfigError)
    assert "veritag public list" in str(done.exception)


def test_taking_down_twice_is_said(store: Store, token: str) -> None:
    runner.invoke(app, ["public", "remove", token])
    done = runner.invoke(app, ["public", "remove", token])
    assert "taken down before" in str(done.exception)


def test_before_the_first_run_there_is_nothing() -> None:
    assert "nothing has run" in str(runner.invoke(app, ["public", "list"]).exception)
