"""The store: migrations, transactions, threads, modes."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from sqlite_utils import Database

from state.errors import SchemaTooNew
from state.migrations import migrate
from state.model import Mode, to_moment, to_text
from state.sql import statements
from state.store import Store
from tests.state.conftest import START, accept, post


def test_a_file_is_migrated_once_and_opens_again(open_store: Callable[..., Store]) -> None:
    accept(open_store(), post("1"))
    again = open_store()
    assert again.row("SELECT count(*) AS n FROM mentions") == {"n": 1}
    assert again.row("PRAGMA journal_mode") == {"journal_mode": "wal"}


def test_a_file_of_a_newer_version_is_refused(store: Store) -> None:
    store.db["_sqlite_migrations"].insert(
        {"migration_set": "veritag", "name": "9999_future", "applied_at": "now"}
    )
    with pytest.raises(SchemaTooNew, match="9999_future"):
        Store(store.path, Mode.LIVE)


def test_a_failing_migration_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = Database(sqlite3.connect(tmp_path / "x.sqlite3", isolation_level=None))
    monkeypatch.setattr("state.migrations.statements", lambda _: ["CREATE TABLE a (b)", "CREATE NONSENSE"])
    with pytest.raises(sqlite3.OperationalError):
        migrate(db)
    assert "a" not in db.table_names()


def test_a_file_that_several_open_at_once_is_made_once(tmp_path: Path) -> None:
    path, together = tmp_path / "state.sqlite3", threading.Barrier(4)

    def open_it() -> None:
        together.wait()
        with closing(Store(path, Mode.LIVE)) as store:
            accept(store, post(str(threading.get_ident())))

    with ThreadPoolExecutor(4) as pool:
        for opened in [pool.submit(open_it) for _ in range(4)]:
            opened.result()
    with closing(Store(path, Mode.LIVE)) as store:
        assert store.row("SELECT count(*) AS n FROM mentions") == {"n": 4}


def test_scripts_are_split_at_statement_ends_only() -> None:
    assert list(statements("SELECT ';';\nCREATE TABLE a (\n b\n);")) == [
        "SELECT ';';\n",
        "CREATE TABLE a (\n b\n);",
    ]
    with pytest.raises(ValueError, match="ends inside"):
        list(statements("SELECT 1"))


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError), store.transaction():
        store.cursors.set("inbox", "7")
        with store.transaction():
            store.events.add("seen")
        raise RuntimeError
    assert store.cursors.get("inbox") is None
    assert store.row("SELECT count(*) AS n FROM events") == {"n": 0}


def test_many_threads_write_without_loss(store: Store) -> None:
    def write(thread: int) -> None:
        for number in range(50):
            accept(store, post(f"{thread}-{number}"))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.row("SELECT count(*) AS n FROM mentions") == {"n": 200}


def test_cursors_are_kept_per_platform_and_mode(open_store: Callable[..., Store]) -> None:
    live, test = open_store(Mode.LIVE), open_store(Mode.TEST)
    live.cursors.set("inbox", "5")
    test.cursors.set("inbox", "9")
    live.cursors.set("other", "1")
    live.cursors.set("inbox", "6")
    assert (live.cursors.get("inbox"), test.cursors.get("inbox")) == ("6", "9")


def test_times_sort_as_text_and_come_back() -> None:
    assert to_moment(to_text(START)) == START
    assert to_text(START) < to_text(START.replace(microsecond=1))
    with pytest.raises(ValueError, match="time zone"):
        to_text(datetime(2026, 1, 1))


def test_a_read_only_file_is_not_writable(store: Store) -> None:
    store.check_writable()
    store.db.execute("PRAGMA query_only = ON")
    with pytest.raises(sqlite3.OperationalError):
        store.check_writable()
