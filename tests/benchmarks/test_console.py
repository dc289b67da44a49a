"""The big state file is whole and never written over another; the console's pages are timed over it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.make_state import make_state
from state.model import Mode
from state.store import Store

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    make_state(tmp_path, mentions=400, pictures=3, seed=1)
    return Store(tmp_path / "state.sqlite3", Mode.LIVE)


def test_rows_refer_to_rows_and_the_newest_media_are_files(store: Store) -> None:
    assert list(store.rows("PRAGMA foreign_key_check")) == []
    assert store.row("SELECT count(*) AS n FROM mentions") == {"n": 400}
    assert store.row("SELECT count(*) AS n FROM triage") == {"n": 400}
    assert len([file for file in (store.path.parent / "media").rglob("*") if file.is_file()]) >= 3


def test_the_same_seed_gives_the_same_rows(store: Store, tmp_path: Path) -> None:
    make_state(tmp_path / "again", mentions=400, pictures=3, seed=1)
    again = Store(tmp_path / "again" / "state.sqlite3", Mode.LIVE)
    for sql in ("SELECT text, language FROM posts", "SELECT state, band, target_id FROM mentions"):
        assert list(store.rows(sql)) == list(again.rows(sql))


def test_a_state_file_is_never_written_over(store: Store) -> None:
    with pytest.raises(FileExistsError, match="new folder"):
        make_state(store.path.parent, mentions=1, pictures=0, seed=1)


def test_every_page_is_timed(store: Store) -> None:
    command = [sys.executable, "-m", "benchmarks.console", str(store.path.parent), "--rounds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert "uncertain first" in done.stdout, done.stderr
    assert "search, common" in done.stdout
