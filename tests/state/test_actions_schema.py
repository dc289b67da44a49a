"""What operators' actions need of the schema, on files that were made before."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlite_utils import Database

from state.migrations import all_migrations
from state.model import Mode, Step
from state.store import Store


def test_the_checks_are_wider_and_still_there(store: Store) -> None:
    store.queue.add(Step.RETRACT, "inbox", 1, store.now())
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"), store.transaction() as db:
        db.execute("UPDATE jobs SET step = 'dance'")
    for table, column in (("replies", "state"), ("reviews", "label")):
        sql = store.row("SELECT sql FROM sqlite_master WHERE name = ?", (table,))
        assert sql is not None
        assert f"CHECK ({column} IN (" in sql["sql"]
        assert "'retracted'" in sql["sql"] or "'withdrawn')" in sql["sql"]


def test_an_old_file_keeps_its_rows_indexes_and_triggers(
    tmp_path: Path, open_store: Callable[..., Store]
) -> None:
    db = Database(tmp_path / "state.sqlite3")
    earlier = all_migrations()
    earlier._migrations = [m for m in earlier._migrations if m.name < "0009"]
    earlier.apply(db)
    db.execute("CREATE TABLE seen (step TEXT)")
    db.execute("CREATE TRIGGER jobs_seen AFTER INSERT ON jobs BEGIN INSERT INTO seen VALUES (new.step); END")
    insert = (
        "INSERT INTO jobs (mode, platform, step, subject_id, queued_at, due_at) "
        "VALUES ('live', 'inbox', 'send', 1, '', '')"
    )
    db.execute(insert)
    db.conn.commit()
    db.conn.close()
    store = open_store(Mode.LIVE)
    store.queue.add(Step.RETRACT, "inbox", 2, store.now())
    assert [row["step"] for row in store.rows("SELECT step FROM seen")] == ["send", "retract"]
    assert [row["afresh"] for row in store.rows("SELECT afresh FROM jobs ORDER BY id")] == [0, 0]
    assert store.row("PRAGMA integrity_check") == {"integrity_check": "ok"}
    assert store.row("SELECT 1 AS there FROM sqlite_master WHERE name = 'jobs_ready'") == {"there": 1}
