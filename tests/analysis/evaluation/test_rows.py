"""Scores on disk: what is kept, for whom it counts, and what a kill leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.errors import ConfigurationError
from analysis.evaluation.rows import Cache, ProbeRow, Role, Row, Subject

SUBJECT = Subject(Role.DETECTOR, "sample")
ROW = Row("aa", "as_is", SUBJECT, "f1", "image", 0.25, None, None, None)
VERDICT = Row("aa", "as_is", Subject(Role.POLICY, "vote"), "f2", "image", None, "high")
PROBE = ProbeRow("aa", "as_is", {"size (bytes)": 12.0})


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    with Cache(tmp_path / "new" / "folder") as cache:
        cache.add([ROW, VERDICT, PROBE])
    with Cache(tmp_path / "new" / "folder") as cache:
        assert cache.rows["aa", "as_is", SUBJECT, "f1"] == ROW
        assert cache.rows["aa", "as_is", VERDICT.subject, "f2"] == VERDICT
        assert ("aa", "as_is", SUBJECT, "f2") not in cache.rows
        assert cache.probes["aa", "as_is"] == PROBE


def test_what_need_not_hold_next_time_is_not_kept(tmp_path: Path) -> None:
    with Cache(tmp_path) as cache:
        cache.add([ROW], keep=False)
        assert len(cache.rows) == 1
    with Cache(tmp_path) as cache:
        assert not cache.rows


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_line_cut_short_is_passed_over(tmp_path: Path, cut: int) -> None:
    with Cache(tmp_path) as cache:
        cache.add([VERDICT, ROW])
    path = tmp_path / "scores.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    with Cache(tmp_path) as cache:
        known = set(cache.rows.values())
        assert VERDICT in known
        assert (ROW in known) == (cut == 1)  # only its line end was lost
        cache.add([ROW])
    with Cache(tmp_path) as cache:
        assert set(cache.rows.values()) == {ROW, VERDICT}


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Cache(None) as cache:
        cache.add([ROW])
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        Cache(tmp_path / "file")
