"""The queue: oldest first, leased, retried with a bound, and O(1) whatever the backlog."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from state.errors import LeaseLost
from state.model import Job, Mode, Step
from state.store import Store
from tests.state.conftest import Clock, accept, post

LEASE = timedelta(seconds=60)


def claim(store: Store, limit: int = 1, step: Step = Step.RESOLVE) -> list[Job]:
    return store.queue.claim(step, ["inbox"], limit, LEASE)


def platform_ids(store: Store, jobs: list[Job]) -> list[str]:
    return [store.mentions.get(job.subject_id).post.platform_id for job in jobs]


def test_the_oldest_mention_is_served_first_however_it_was_stored(store: Store) -> None:
    accept(store, post("new", age=1), post("oldest", "bob", age=90), post("old", "cid", age=30))
    assert platform_ids(store, claim(store, 2)) == ["oldest", "old"]
    assert platform_ids(store, claim(store, 2)) == ["new"]


def test_a_claimed_step_is_nobody_elses_until_its_lease_runs_out(store: Store, clock: Clock) -> None:
    accept(store, post("1"))
    (first,) = claim(store)
    assert claim(store) == []
    clock.advance(61)
    (second,) = claim(store)
    assert second.interruptions == 1
    with pytest.raises(LeaseLost):
        store.queue.finish(first)
    store.queue.finish(second)
    assert store.queue.open_count(["inbox"], Step.RESOLVE) == 0


def test_a_lost_lease_undoes_the_whole_commit(store: Store, clock: Clock) -> None:
    accept(store, post("1"))
    (job,) = claim(store)
    clock.advance(61)
    claim(store)
    with pytest.raises(LeaseLost), store.transaction():
        store.mentions.failed(job.subject_id, "x", "y")
        store.queue.finish(job)
    assert store.mentions.get(job.subject_id).state == "seen"


def test_postponed_steps_wait_and_count(store: Store, clock: Clock) -> None:
    accept(store, post("1"))
    (job,) = claim(store)
    store.queue.postpone(job, clock() + timedelta(seconds=10), failed=True)
    assert claim(store) == []
    clock.advance(10)
    (job,) = claim(store)
    assert (job.attempts, job.interruptions) == (1, 0)
    store.queue.postpone(job, clock(), failed=False)
    assert claim(store)[0].attempts == 1


def test_at_start_every_lease_is_free(store: Store) -> None:
    accept(store, post("1"), post("2", "bob"))
    claim(store, 2)
    assert store.queue.recover_all() == 2
    assert [job.interruptions for job in claim(store, 2)] == [1, 1]


def test_one_askers_mentions_are_resolved_one_after_another(store: Store) -> None:
    accept(store, post("b", age=1), post("a", age=9), post("c"), post("other", "bob", age=5))
    (first, other) = claim(store, 9)
    assert platform_ids(store, [first, other]) == ["a", "other"]
    assert claim(store, 9) == []
    store.mentions.ignored(first.subject_id, "nothing_asked")
    store.queue.finish(first)
    (second,) = claim(store, 9)
    assert platform_ids(store, [second]) == ["b"]
    assert store.queue.recover_all() == 2
    assert platform_ids(store, claim(store, 9)) == ["other", "b"]


def test_a_mention_that_waits_for_another_try_holds_up_nobody(store: Store, clock: Clock) -> None:
    accept(store, post("1", age=2), post("2", age=1))
    (first,) = claim(store, 9)
    store.queue.postpone(first, clock() + timedelta(seconds=60), failed=True)
    assert platform_ids(store, claim(store, 9)) == ["2"]


def test_an_askers_mentions_in_the_other_mode_hold_up_nobody(open_store: Callable[..., Store]) -> None:
    live, test = open_store(Mode.LIVE), open_store(Mode.TEST)
    accept(live, post("1", age=2))
    accept(test, post("2", age=1))
    assert platform_ids(test, claim(test, 9)) == ["2"]


def test_a_renewed_lease_does_not_run_out(store: Store, clock: Clock) -> None:
    accept(store, post("1"))
    (job,) = claim(store)
    for _ in range(5):
        clock.advance(50)
        store.queue.renew([job], LEASE)
        assert claim(store) == []
    store.queue.finish(job)


def test_a_lost_lease_is_not_renewed(store: Store, clock: Clock) -> None:
    accept(store, post("1"))
    (lost,) = claim(store)
    clock.advance(61)
    (job,) = claim(store)
    clock.advance(30)
    store.queue.renew([lost], LEASE)
    clock.advance(31)
    assert claim(store)[0].id == job.id


def test_steps_that_were_queued_lately_are_left(store: Store, clock: Clock) -> None:
    store.queue.add(Step.SEND, "inbox", 1, clock())
    clock.advance(10)
    store.queue.add(Step.SEND, "inbox", 2, clock())
    jobs = store.queue.claim(Step.SEND, ["inbox"], 9, LEASE, queued_before=clock())
    assert [job.subject_id for job in jobs] == [1]


def test_modes_and_platforms_do_not_see_each_other(open_store: Callable[..., Store]) -> None:
    live, test = open_store(Mode.LIVE), open_store(Mode.TEST)
    accept(live, post("1"))
    assert claim(test) == []
    assert live.queue.claim(Step.RESOLVE, ["other"], 1, LEASE) == []
    assert live.queue.claim(Step.RESOLVE, [], 1, LEASE) == []
    assert len(claim(live)) == 1


def test_a_step_of_a_subject_is_queued_once(store: Store, clock: Clock) -> None:
    for _ in range(2):
        store.queue.add(Step.SEND, "inbox", 7, clock())
    assert store.queue.open_count(["inbox"], Step.SEND) == 1
    store.queue.cancel(Step.SEND, 7)
    assert store.queue.open_count(["inbox"], Step.SEND) == 0


def test_a_step_at_work_is_not_cancelled(store: Store, clock: Clock) -> None:
    store.queue.add(Step.SEND, "inbox", 7, clock())
    (job,) = claim(store, step=Step.SEND)
    store.queue.cancel(Step.SEND, 7)
    store.queue.finish(job)
    assert store.queue.open_count(["inbox"], Step.SEND) == 0


def test_waiting_counts_from_when_a_step_could_be_taken(store: Store, clock: Clock) -> None:
    assert store.queue.waiting(Step.RESOLVE) == timedelta(0)
    accept(store, post("1", age=5000), post("2", age=10))
    clock.advance(20)
    assert store.queue.waiting(Step.RESOLVE) == timedelta(seconds=20)
    assert store.queue.waiting(Step.RESOLVE, without=["elsewhere"]) == timedelta(seconds=20)
    assert store.queue.waiting(Step.RESOLVE, without=["inbox"]) == timedelta(0)
    assert store.queue.waiting(Step.NOTICE) == timedelta(0)


def plan(store: Store, sql: str) -> str:
    return " ".join(row["detail"] for row in store.rows("EXPLAIN QUERY PLAN " + sql))


def test_every_look_up_of_the_hot_path_uses_an_index(store: Store) -> None:
    seen: list[str] = []
    store.db.conn.set_trace_callback(seen.append)
    accept(store, post("1"))
    (job,) = claim(store)
    store.mentions.asked_since("inbox", "ann", store.now())
    store.mentions.asked_already(store.mentions.get(job.subject_id), 1)
    store.mentions.failed(job.subject_id, "x", "y")
    store.queue.finish(job)
    store.db.conn.set_trace_callback(None)
    statements = [sql for sql in seen if sql.split()[0] in {"SELECT", "UPDATE", "DELETE"}]
    assert len(statements) > 6
    for sql in statements:
        assert "SCAN" not in plan(store, sql).replace("SCAN CONSTANT ROW", ""), sql
