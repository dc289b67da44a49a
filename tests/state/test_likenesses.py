"""What near copies are recognised by: stored, looked up without a scan, forgotten."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from state.likenesses import _CANDIDATES
from state.model import AnalysisRow, CandidateRow, LikenessRow, PostMedium, VerdictRow
from state.store import Store

VERDICT = VerdictRow("low", 0.2, "calibrated", (), None)
Add = Callable[..., None]


@pytest.fixture
def add(store: Store) -> Add:
    def add(sha: str, *pieces: int, fingerprint: str = "f", copy_of: str | None = None) -> None:
        store.media.save(PostMedium(f"file:{sha}", sha256=sha, mime="image/png", size=1))
        likeness = LikenessRow(pieces, sha.encode()) if pieces else None
        row = AnalysisRow(sha, fingerprint, "image", verdict=VERDICT, copy_of=copy_of, likeness=likeness)
        store.media.save_analysis(row)

    return add


def found(store: Store, *pieces: int, fingerprint: str = "f", limit: int = 8) -> list[str]:
    rows = list(store.likenesses.candidates(LikenessRow(pieces, b""), fingerprint, limit))
    assert all(row == CandidateRow(row.sha256, row.sha256.encode()) for row in rows)
    return [row.sha256 for row in rows]


def test_those_that_share_most_come_first(store: Store, add: Add) -> None:
    add("one", 1, 2, 3)
    add("two", 2, 3, 4)
    add("other", 7, 8, 8)
    assert found(store, 2, 3, 4) == ["two", "one"]
    assert found(store, 2, 3, 4, limit=1) == ["two"]
    assert found(store, 2, 2, 2, 1) == ["one", "two"]
    assert found(store, 9) == found(store) == []


def test_only_what_this_engine_has_judged_itself_answers(store: Store, add: Add) -> None:
    add("one", 1, 2)
    add("copy", 1, 2, copy_of="one")
    add("stale", 1, 2, fingerprint="before")
    store.media.save(PostMedium("file:r", sha256="refused", mime="image/png", size=1))
    store.media.save_analysis(AnalysisRow("refused", "f", reason="corrupt", likeness=LikenessRow((1,), b"")))
    assert found(store, 1, 2) == ["one"]
    assert found(store, 1, 2, fingerprint="before") == ["stale"]


def test_judged_again_it_is_recognised_by_what_counts_now(store: Store, add: Add) -> None:
    add("one", 1, 2)
    add("one", 5, 6, fingerprint="g")
    assert found(store, 1, fingerprint="g") == []
    assert found(store, 5, fingerprint="g") == ["one"]


def test_the_analysis_names_the_medium_that_answered_for_it(store: Store, add: Add) -> None:
    add("one", 1)
    add("copy", copy_of="one")
    row = store.media.analysis("copy", "f")
    assert row is not None
    assert row.copy_of == "one"
    original = store.media.analysis("one")
    assert original is not None
    assert original.copy_of is None


def test_relatives_are_the_original_and_its_other_copies(store: Store, add: Add) -> None:
    add("one", 1)
    add("copy", copy_of="one")
    add("second", copy_of="one")
    add("other", 1)
    assert list(store.likenesses.relatives("one")) == ["copy", "second"]
    assert list(store.likenesses.relatives("copy")) == ["one", "second"]
    assert list(store.likenesses.relatives("other")) == list(store.likenesses.relatives("never")) == []


def test_a_medium_is_recognised_until_it_is_forgotten(store: Store, add: Add) -> None:
    add("one", 1, 2)
    store.media.mark_deleted("one")
    assert found(store, 1, 2) == ["one"]
    store.likenesses.forget("one")
    store.likenesses.forget("never")
    assert found(store, 1, 2) == []
    assert store.row("SELECT count(*) AS n FROM likeness_pieces") == {"n": 0}
    assert store.media.analysis("one") is not None


def test_the_look_up_scans_no_table(store: Store, add: Add) -> None:
    for number in range(50):
        add(f"sha{number}", number, number + 1000)
    store.db.execute("ANALYZE")
    plan = [
        row["detail"] for row in store.rows("EXPLAIN QUERY PLAN " + _CANDIDATES, (json.dumps([1]), "f", 8))
    ]
    assert any("SEARCH p USING PRIMARY KEY (piece=?)" in step for step in plan), plan
    scans = [step for step in plan if step.startswith("SCAN")]
    assert all(step.split()[1] in {"wanted", "near"} for step in scans), (
        plan
    )  # the pieces asked for, and their hits
