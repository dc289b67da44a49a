"""Mentions, posts and media: stored once, closed with a reason, told in the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from state.errors import NotFound
from state.model import (
    AnalysisRow,
    MentionState,
    Mode,
    PostMedium,
    ScoreRow,
    Step,
    VerdictRow,
)
from state.store import Store
from tests.state.conftest import START, Clock, accept, post

SHA = "ab" * 32
MEDIUM = PostMedium("https://example.org/a.jpg", "a cat", SHA, "image/jpeg", 10)


def test_a_mention_is_stored_once(store: Store) -> None:
    assert accept(store, post("1"), post("2"), post("1")) == [True, True, False]
    assert store.queue.open_count(["inbox"], Step.RESOLVE) == 2
    assert store.mentions.known("inbox", "1")
    assert not store.mentions.known("inbox", "3")


def test_a_post_comes_back_as_it_was(store: Store) -> None:
    given = post(
        "1", text="hé", language="fr", url="https://x.example/1", attachments=({"url": "u"},), links=("l",),
        parent_id="p", quoted_id="q", boosted_id="b",
    )  # fmt: skip
    accept(store, given)
    stored = store.mentions.get(1).post
    assert stored.id is not None
    assert stored == post(
        "1", text="hé", language="fr", url="https://x.example/1", attachments=({"url": "u"},), links=("l",),
        parent_id="p", quoted_id="q", boosted_id="b", id=stored.id,
    )  # fmt: skip


def test_a_mention_from_the_future_is_served_now(store: Store, clock: Clock) -> None:
    accept(store, post("1", age=-500))
    assert store.mentions.get(1).created_at == clock()
    assert len(store.queue.claim(Step.RESOLVE, ["inbox"], 1, timedelta(seconds=60))) == 1


def test_an_ignored_mention_is_kept_with_its_reason_and_without_work(store: Store) -> None:
    accept(store, post("1"), ignore="too_old")
    mention = store.mentions.get(1)
    assert (mention.state, mention.reason) == (MentionState.IGNORED, "too_old")
    assert store.queue.open_count(["inbox"], *Step) == 0
    assert [e.name for e in store.events.of_mention(1)] == ["ignored"]


def test_what_test_mode_did_never_counts_in_a_live_run(open_store: Callable[..., Store]) -> None:
    test, live = open_store(Mode.TEST), open_store(Mode.LIVE)
    accept(test, post("1"))
    test.mentions.answered(1)
    assert accept(live, post("1")) == [True]
    assert live.mentions.counts()[MentionState.SEEN] == 1
    assert live.mentions.counts()[MentionState.ANSWERED] == 0
    assert test.mentions.counts()[MentionState.ANSWERED] == 1


def test_the_whole_way_is_in_the_log(store: Store) -> None:
    accept(store, post("1"))
    target = store.posts.save(post("t"))
    store.mentions.resolved(1, target)
    store.mentions.analysed(1, "high")
    store.mentions.answered(1)
    assert [e.name for e in store.events.of_mention(1)] == ["seen", "resolved", "analysed", "answered"]
    mention = store.mentions.get(1)
    assert (mention.target_id, mention.band, mention.state.final) == (target, "high", True)
    assert store.queue.open_count(["inbox"], Step.NOTICE) == 0


def test_one_person_asks_for_one_post_once(store: Store) -> None:
    accept(store, post("1"), post("2"), post("3", author="bob"))
    target = store.posts.save(post("t"))
    store.mentions.resolved(1, target)
    assert store.mentions.asked_already(store.mentions.get(2), target)
    assert not store.mentions.asked_already(store.mentions.get(1), target)
    assert not store.mentions.asked_already(store.mentions.get(3), target)
    store.mentions.failed(1, "network", "down")
    assert not store.mentions.asked_already(store.mentions.get(2), target)


def test_askers_are_counted_within_a_time(store: Store, clock: Clock) -> None:
    accept(store, post("1"))
    clock.advance(100)
    accept(store, post("2"), post("3", author="bob"))
    accept(store, post("4"), ignore="own_post")
    assert store.mentions.asked_since("inbox", "ann", START) == 2
    assert store.mentions.asked_since("inbox", "ann", clock()) == 1
    assert store.mentions.asked_since("inbox", "nobody", START) == 0


def test_counting_an_asker_costs_the_same_however_many_were_ignored(store: Store) -> None:
    def cost() -> int:
        steps = []
        store.db.conn.set_progress_handler(lambda: steps.append(1), 1)
        store.mentions.asked_since("inbox", "ann", START)
        store.db.conn.set_progress_handler(None, 0)
        return len(steps)

    accept(store, post("1"))
    before = cost()
    for number in range(200):
        accept(store, post(f"ignored{number}"), ignore="asker_limit")
    assert cost() == before


def test_opting_out_and_in_again(store: Store) -> None:
    accept(store, post("1"))
    assert not store.mentions.opted_out("inbox", "ann")
    store.mentions.set_opt_out("inbox", "ann", "ann", out=True)
    assert store.mentions.opted_out("inbox", "ann")
    store.mentions.set_opt_out("inbox", "ann", "ann", out=False)
    assert not store.mentions.opted_out("inbox", "ann")


def test_the_media_of_a_post_keep_their_order_and_reasons(store: Store) -> None:
    post_id = store.posts.save(post("1"))
    media = [
        MEDIUM,
        PostMedium("https://example.org/b", None, reason="gone", detail="404"),
        replace(MEDIUM, source_url="https://example.org/c.jpg", sensitive=True),
    ]
    store.posts.set_media(post_id, media)
    store.posts.set_media(post_id, media)
    assert store.posts.media(post_id) == media
    store.media.mark_deleted(SHA)
    assert (store.posts.media(post_id)[0].sha256, store.posts.media(post_id)[0].reason) == (SHA, "gone")
    store.posts.set_media(post_id, media)
    assert store.posts.media(post_id) == media


ORIGIN = {"credentials": None, "marks": [{"generator": "ComfyUI", "where": "text field workflow"}]}


def analysis(fingerprint: str = "f", band: str = "low") -> AnalysisRow:
    return AnalysisRow(
        SHA,
        fingerprint,
        "image",
        {"mime": "image/jpeg"},
        {"total": 0.5},
        (ScoreRow("a", 0.25, True, None, {"x": [1]}), ScoreRow("b", None, False, "no face")),
        VerdictRow(band, 0.3, "calibrated", ({"code": "c", "text": "t"},), "set of 10"),
        provenance=ORIGIN,
    )


def test_an_analysis_comes_back_whole_and_the_first_of_an_engine_counts(store: Store, clock: Clock) -> None:
    store.posts.set_media(store.posts.save(post("1")), [MEDIUM])
    assert store.media.analysis(SHA) is None
    store.media.save_analysis(analysis())
    store.media.save_analysis(analysis(band="high"))
    store.media.save_analysis(analysis("g", "uncertain"))
    stored = store.media.analysis(SHA, "f")
    assert stored is not None
    assert stored.finished_at == clock()
    assert stored == replace(analysis(), finished_at=clock())
    latest = store.media.analysis(SHA)
    assert latest is not None
    assert latest.fingerprint == "g"
    assert store.media.analysis(SHA, "unknown") is None


def test_a_refused_medium_keeps_its_reason(store: Store) -> None:
    store.posts.set_media(store.posts.save(post("1")), [MEDIUM])
    store.media.save_analysis(AnalysisRow(SHA, "f", reason="corrupt", detail="cut off"))
    stored = store.media.analysis(SHA, "f")
    assert stored is not None
    assert (stored.verdict, stored.reason, stored.detail) == (None, "corrupt", "cut off")
    store.media.save_analysis(analysis())
    judged = store.media.analysis(SHA, "f")
    assert judged is not None
    assert (judged.verdict is not None, judged.reason) == (True, None)


def test_the_latest_review_counts_and_finds_the_answers_it_concerns(store: Store) -> None:
    accept(store, post("1"), post("2"))
    target = store.posts.save(post("t"))
    store.posts.set_media(target, [MEDIUM])
    store.mentions.resolved(1, target)
    store.mentions.answered(1)
    assert store.reviews.latest(SHA) is None
    store.reviews.add(SHA, "fake", "", "ann")
    store.reviews.add(SHA, "real", "seen the original", "bob")
    latest = store.reviews.latest(SHA)
    assert latest is not None
    assert (latest.label, latest.reviewer) == ("real", "bob")
    assert [m.id for m in store.mentions.with_medium(SHA)] == [1]
    with pytest.raises(NotFound, match="was ever seen"):
        store.reviews.add("cd" * 32, "real", "", "ann")


def test_open_and_failed_mentions_can_be_listed(store: Store) -> None:
    accept(store, post("1"), post("2"), post("3"))
    store.mentions.failed(2, "gone", "404")
    assert [m.id for m in store.mentions.in_state(MentionState.SEEN)] == [3, 1]
    assert [m.reason for m in store.mentions.in_state(MentionState.FAILED)] == ["gone"]
    with pytest.raises(NotFound):
        store.mentions.get(99)


def test_the_notice_is_due_after_its_time(store: Store, clock: Clock) -> None:
    accept(store, post("1", age=1000))
    assert store.queue.claim(Step.NOTICE, ["inbox"], 1, timedelta(seconds=60)) == []
    clock.advance(300)
    assert len(store.queue.claim(Step.NOTICE, ["inbox"], 1, timedelta(seconds=60))) == 1
