"""The outbox: a reply is a row before it is a request, and there is one of each."""

from __future__ import annotations

from datetime import timedelta

import pytest

from state.errors import NotFound
from state.model import NewReply, ReplyState, Step
from state.outbox import reply_key
from state.store import Store
from tests.state.conftest import accept, post


def add(store: Store, reply: NewReply) -> int:
    return store.outbox.add(store.mentions.get(1), reply)


def new_reply(kind: str = "verdict", revision: int = 0) -> NewReply:
    return NewReply(1, kind, "1", "text", "en", "w1", "low", revision)


def test_a_reply_is_queued_once_per_kind_and_revision(store: Store) -> None:
    accept(store, post("1"))
    first = add(store, new_reply())
    assert add(store, new_reply()) == first
    assert add(store, new_reply("correction", 1)) != first
    assert add(store, new_reply("correction", 2)) != first
    assert [r.kind for r in store.outbox.of_mention(1)] == ["verdict", "correction", "correction"]
    assert store.queue.open_count(["inbox"], Step.SEND) == 3


def test_keys_depend_on_what_is_answered_and_on_nothing_else() -> None:
    key = reply_key("live", "inbox", "1", "verdict", 0)
    assert key == reply_key("live", "inbox", "1", "verdict", 0)
    others = {
        reply_key("test", "inbox", "1", "verdict", 0),
        reply_key("live", "x", "1", "verdict", 0),
        reply_key("live", "inbox", "2", "verdict", 0),
        reply_key("live", "inbox", "1", "failure", 0),
        reply_key("live", "inbox", "1", "verdict", 1),
    }
    assert len(others | {key}) == 6


def test_a_request_that_may_have_left_asks_for_a_read_back(store: Store) -> None:
    accept(store, post("1"))
    reply = add(store, new_reply())
    assert store.outbox.begin(reply) is False
    assert store.outbox.begin(reply) is True
    store.outbox.not_sent(reply)
    assert store.outbox.begin(reply) is False
    store.outbox.sent(reply, "r9", None)
    row = store.outbox.get(reply)
    assert (row.state, row.platform_id, row.sent_at) == (ReplyState.SENT, "r9", store.now())


def test_a_pending_reply_is_withdrawn_only_while_nobody_sends_it(store: Store) -> None:
    accept(store, post("1"))
    pending = add(store, new_reply("pending"))
    store.outbox.withdraw_pending(1)
    assert store.outbox.get(pending).state is ReplyState.WITHDRAWN
    assert store.queue.open_count(["inbox"], Step.SEND) == 0


def test_a_pending_reply_at_work_is_not_withdrawn(store: Store) -> None:
    accept(store, post("1"))
    pending = add(store, new_reply("pending"))
    store.queue.claim(Step.SEND, ["inbox"], 1, timedelta(seconds=60))
    store.outbox.begin(pending)
    store.outbox.withdraw_pending(1)
    assert store.outbox.get(pending).state is ReplyState.SENDING


def test_a_failed_reply_keeps_its_reason(store: Store) -> None:
    accept(store, post("1"))
    reply = add(store, new_reply())
    store.outbox.failed(reply, "post_gone", "deleted")
    assert store.outbox.get(reply).state is ReplyState.FAILED
    with pytest.raises(NotFound):
        store.outbox.get(99)


def test_turns_count_up_by_name(store: Store) -> None:
    assert [store.outbox.next_turn("a"), store.outbox.next_turn("a"), store.outbox.next_turn("b")] == [
        0,
        1,
        0,
    ]
