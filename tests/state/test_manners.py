"""Whom operators turn away, and what they switch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from state.manners import PAUSE
from state.model import MentionState
from state.store import Store
from tests.state.conftest import accept, post


def test_a_person_stays_blocked_under_another_handle(store: Store) -> None:
    store.blocks.add("x", "@Ann", platform_id="7", reason="abuse", by="op")
    assert store.blocks.holds("x", "7", "renamed")
    assert not store.blocks.holds("x", "8", "ann")
    assert not store.blocks.holds("bluesky", "7", "ann")


def test_a_handle_is_blocked_whoever_has_it(store: Store) -> None:
    store.blocks.add("x", "@Ann", by="op")
    assert store.blocks.holds("x", "7", "ANN")
    assert not store.blocks.holds("bluesky", "7", "ann")


@pytest.mark.parametrize("platform_id", ["7", None])
def test_blocking_again_changes_the_reason(store: Store, platform_id: str | None) -> None:
    first = store.blocks.add("x", "ann", platform_id=platform_id, reason="a", by="op")
    assert store.blocks.add("x", "ann", platform_id=platform_id, reason="b", by="op2") == first
    (row,) = store.blocks.list()
    assert (row.handle, row.platform_id, row.reason, row.by) == ("ann", platform_id, "b", "op2")


def test_a_block_is_taken_back_and_both_are_on_record(store: Store) -> None:
    store.blocks.add("x", "ann", platform_id="7", by="op")
    store.blocks.add("x", "ann", by="op")
    assert store.blocks.remove("x", "@ANN", by="op") == 2
    assert store.blocks.remove("x", "@ANN", by="op") == 0
    assert store.blocks.list() == []
    assert [event.name for event in store.events.of_none(9)] == ["unblocked", "blocked", "blocked"]


def test_nobody_cannot_be_blocked(store: Store) -> None:
    with pytest.raises(ValueError, match="name whom to block"):
        store.blocks.add("x", " @ ", by="op")


def test_a_switch_is_off_until_somebody_turns_it(store: Store) -> None:
    assert store.switches.get(PAUSE) is None
    assert not store.switches.is_on(PAUSE)
    store.switches.set(PAUSE, is_on=True, by="op", reason="storm")
    row = store.switches.get(PAUSE)
    assert row is not None
    assert (row.is_on, row.by, row.reason, row.at) == (True, "op", "storm", store.now())
    store.switches.set(PAUSE, is_on=False, by="op")
    assert not store.switches.is_on(PAUSE)


def test_what_every_mention_is_asked_reads_no_table_through(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[str] = []
    row = store.row

    def explained(sql: str, parameters: tuple[Any, ...] = ()) -> dict[str, Any] | None:
        plans.extend(each["detail"] for each in store.rows(f"EXPLAIN QUERY PLAN {sql}", parameters))
        return row(sql, parameters)

    accept(store, post("m"))
    (asked,) = store.mentions.in_state(MentionState.SEEN)
    monkeypatch.setattr(store, "row", explained)
    store.blocks.holds("x", "7", "ann")
    store.switches.is_on(PAUSE)
    store.mentions.answered_by("x", "7")
    store.mentions.asked_already(asked, 1)
    store.mentions.before_in_thread(asked, "t", store.now())
    store.mentions.told_above(replace(asked, thread="t", target_id=1), "high")
    assert len(plans) > 6
    assert [plan for plan in plans if plan.startswith("SCAN") or "(mode=?)" in plan] == []
