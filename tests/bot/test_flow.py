"""The flow of a mention: what is asked, what comes of it, and what every fault ends in."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from analysis.ensemble.combine import ReviewLabel
from analysis.errors import EngineFailed, MediumRefused, Refusal
from analysis.model import Analysis, Score
from analysis.stub import StubAnalyzer
from bot.errors import (
    CredentialsRefused,
    OutcomeUnknown,
    PlatformUnavailable,
    PostGone,
    PostHidden,
    RateLimited,
    ReplyRefused,
)
from bot.reviews import review
from state.model import ReplyState, Step
from tests.bot.rig import Rig, rig
from tests.state.conftest import START


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as bot:
        yield bot


def test_each_kind_of_mention_ends_as_it_should(bot: Rig) -> None:
    world = bot.world
    world.post("p", world.medium(1))
    world.post("text", text="words")
    world.post("quoting", text="look", quoted_id="p")
    world.post("below", parent_id="text")
    world.post("top", world.medium(2))
    world.post("middle", parent_id="top")
    world.post("bottom", parent_id="middle")
    world.delete("gone")
    expected = {
        world.mention("m1", parent_id="p"): "answered",
        world.mention("m2", world.medium(3), author="b"): "answered",
        world.mention("m3", parent_id="quoting", author="c"): "answered",
        world.mention("m4", quoted_id="p", author="d"): "answered",
        world.mention("m5", parent_id="bottom", author="e"): "answered",
        world.mention("m6", boosted_id="p", author="f"): "answered",
        world.mention("m7", parent_id="below"): "failed:no_media",
        world.mention("m8", parent_id="gone"): "failed:post_gone",
        world.mention("m9"): "ignored:nothing_asked",
        world.mention("m10", parent_id="p"): "ignored:asked_already",
        world.mention("m11", text="@veritag stop", author="g"): "ignored:order_stop",
    }
    bot.settle()
    assert {name: bot.end(name) for name in expected} == expected
    told = {name for name, end in expected.items() if not end.startswith("ignored")}
    assert bot.reply_counts() == dict.fromkeys(told, 1)
    assert len(bot.closed) == 10  # all but the one that was ignored at the door


def test_a_second_asker_is_served_from_the_earlier_analysis(tmp_path: Path) -> None:
    submitted = []

    class Counting(StubAnalyzer):
        def submit(self, path: Path) -> Future[Analysis]:
            submitted.append(path.name)
            return super().submit(path)

    with rig(tmp_path, analyzer=Counting()) as bot:
        one = bot.world.medium(1)
        bot.world.post("p1", one)
        bot.world.post("p2", one)
        bot.world.mention("m1", parent_id="p1")
        bot.world.mention("m2", parent_id="p1", author="b")
        bot.world.mention("m3", parent_id="p2", author="c")
        bot.settle()
        assert len(submitted) == 1
        assert "checked the same file before" not in bot.replies_to("m1")[0]
        assert "in this thread" in bot.replies_to("m2")[0] or "in the same thread" in bot.replies_to("m2")[0]
        assert "checked the same file before" in bot.replies_to("m3")[0]


def test_a_mark_that_comes_later_is_known_with_the_next_asker(tmp_path: Path) -> None:
    with rig(tmp_path) as bot:
        bot.world.post("p1", bot.world.medium(1))
        bot.world.mention("m1", parent_id="p1")
        bot.settle()
        assert [medium.sensitive for medium in bot.store.posts.media_of("inbox", "p1")] == [False]
        bot.world.post("p1", "media/1.png", sensitive=True)
        bot.world.mention("m2", parent_id="p1", author="b")
        bot.settle()
        assert [medium.sensitive for medium in bot.store.posts.media_of("inbox", "p1")] == [True]


def test_the_reply_can_go_below_the_media(tmp_path: Path) -> None:
    with rig(tmp_path, to_media_post=True) as bot:
        bot.world.post("p", bot.world.medium(1))
        bot.world.mention("m", parent_id="p")
        bot.settle()
        assert bot.reply_counts() == {"p": 1}


def test_one_bad_file_of_a_gallery_is_named_and_the_rest_judged(tmp_path: Path) -> None:
    class Picky(StubAnalyzer):
        def submit(self, path: Path) -> Future[Analysis]:
            future: Future[Analysis] = super().submit(path)
            if path.stat().st_size % 2:
                return future
            refused: Future[Analysis] = Future()
            refused.set_exception(MediumRefused(Refusal.CORRUPT, "cut off"))
            return refused

    with rig(tmp_path, analyzer=Picky()) as bot:
        good, bad = bot.world.medium(1), bot.world.medium(2)
        file = bot.world.folder / bad
        file.write_bytes(file.read_bytes() + b"x")
        bot.world.post("p", good, bad)
        bot.world.mention("m", parent_id="p")
        bot.settle()
        assert bot.end("m") == "answered"
        assert "not checked (damaged file)" in bot.replies_to("m")[0]


def with_picture(bot: Rig) -> None:
    bot.world.post("p", bot.world.medium(1))
    bot.world.mention("m", parent_id="p")


SENDING: list[tuple[str, list[Exception], list[Exception], str, int]] = [
    ("time-out before the effect", [PlatformUnavailable("503")], [], "answered", 1),
    ("always down", [PlatformUnavailable("503")] * 3, [], "failed:platform_unavailable", 0),
    ("unknown, and it stands", [], [OutcomeUnknown("time-out")], "answered", 1),
    ("unknown, and it does not stand", [OutcomeUnknown("time-out")], [], "answered", 1),
    ("unknown, unknown, down", [OutcomeUnknown("a"), OutcomeUnknown("b")], [], "answered", 1),
    ("always unknown", [OutcomeUnknown("a")] * 3, [], "failed:outcome_unknown", 0),
    (
        "limited many times",
        [RateLimited("429", START + timedelta(hours=h)) for h in range(9)],
        [],
        "answered",
        1,
    ),
    ("limited without a time", [RateLimited("429")] * 9, [], "answered", 1),
    ("bad credentials for a while", [CredentialsRefused("401")] * 9, [], "answered", 1),
    ("the mention was deleted", [PostGone("404")], [], "failed:post_gone", 0),
    ("the asker blocked the bot", [PostHidden("403")], [], "failed:post_hidden", 0),
    ("the text is refused", [ReplyRefused("403")], [], "failed:reply_refused", 0),
    ("a defect of ours", [ZeroDivisionError("bug")], [], "answered", 1),
]


@pytest.mark.parametrize(
    ("before", "after", "end", "replies"), [s[1:] for s in SENDING], ids=[s[0] for s in SENDING]
)
def test_every_fault_of_sending_ends_in_one_reply_or_a_named_failure(
    bot: Rig, before: list[Exception], after: list[Exception], end: str, replies: int
) -> None:
    with_picture(bot)
    bot.platform.before, bot.platform.after = list(before), list(after)
    bot.settle()
    assert bot.end("m") == end
    assert len(bot.replies_to("m")) == replies


def test_after_an_unknown_outcome_nothing_is_sent_before_reading_back(bot: Rig) -> None:
    with_picture(bot)
    bot.platform.after = [OutcomeUnknown("time-out after the effect")]
    bot.settle()
    assert bot.platform.requests == 1
    assert bot.end("m") == "answered"


def test_a_reply_that_may_stand_is_read_back_even_after_a_clear_refusal(bot: Rig) -> None:
    with_picture(bot)
    bot.platform.after = [OutcomeUnknown("time-out")]
    bot.watch()
    for step in (Step.RESOLVE, Step.ANALYSE, Step.SEND):
        bot.step(step)
    find = bot.platform.find_reply
    asked: list[str] = []

    def limited_once(draft: Any) -> Any:
        asked.append(draft.key)
        if len(asked) == 1:
            raise RateLimited("429")
        return find(draft)

    bot.platform.find_reply = limited_once  # type: ignore[method-assign]
    bot.settle()
    assert (bot.end("m"), len(asked), bot.platform.requests) == ("answered", 2, 1)


FETCHING: list[tuple[str, list[Exception], str]] = [
    ("down for a moment", [PlatformUnavailable("503")], "answered"),
    ("always down", [PlatformUnavailable("503")] * 3, "failed:platform_unavailable"),
    ("limited many times", [RateLimited("429")] * 9, "answered"),
    ("hidden", [PostHidden("403")], "failed:post_hidden"),
    ("bad credentials for a while", [CredentialsRefused("401")] * 9, "answered"),
    ("a defect of ours", [KeyError("bug")], "answered"),
    ("a lasting defect of ours", [KeyError("bug")] * 3, "failed:internal_error"),
]


@pytest.mark.parametrize(("faults", "end"), [s[1:] for s in FETCHING], ids=[s[0] for s in FETCHING])
def test_every_fault_of_fetching_ends_in_one_reply(bot: Rig, faults: list[Exception], end: str) -> None:
    with_picture(bot)
    bot.platform.fetching = list(faults)
    bot.settle()
    assert bot.end("m") == end
    assert len(bot.replies_to("m")) == 1


@pytest.mark.parametrize(("fails", "end"), [(2, "answered"), (3, "failed:engine_failed")])
def test_a_failing_engine_is_tried_again_then_named(tmp_path: Path, fails: int, end: str) -> None:
    left = [fails]

    class Failing(StubAnalyzer):
        def submit(self, path: Path) -> Future[Analysis]:
            if left[0]:
                left[0] -= 1
                failed: Future[Analysis] = Future()
                failed.set_exception(EngineFailed("out of memory"))
                return failed
            return super().submit(path)

    with rig(tmp_path, analyzer=Failing()) as bot:
        with_picture(bot)
        bot.settle()
        assert bot.end("m") == end
        assert len(bot.replies_to("m")) == 1


def test_a_step_that_keeps_killing_the_process_is_given_up(bot: Rig) -> None:
    with_picture(bot)
    bot.watch()
    for _ in range(21):
        assert bot.flow.claim(Step.RESOLVE, ("inbox",), 1)
        bot.store.queue.recover_all()
    bot.settle()
    assert bot.end("m") == "failed:interrupted"
    assert len(bot.replies_to("m")) == 1


def test_where_even_the_apology_fails_the_mention_still_ends(
    bot: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no templates")

    monkeypatch.setattr(bot.writer, "_write", broken)
    with_picture(bot)
    bot.settle()
    assert bot.end("m") == "failed:internal_error"
    assert bot.reply_counts() == {}


def test_whoever_waits_long_is_told_once_and_then_gets_the_verdict(bot: Rig) -> None:
    with_picture(bot)
    bot.watch()
    bot.clock.advance(299)
    assert bot.step(Step.NOTICE) == 0
    bot.clock.advance(2)
    assert bot.step(Step.NOTICE) == 1
    bot.step(Step.SEND)
    bot.settle()
    kinds = [(reply.kind, reply.state) for reply in bot.store.outbox.of_mention(1)]
    assert kinds == [("pending", ReplyState.SENT), ("verdict", ReplyState.SENT)]
    assert len(bot.replies_to("m")) == 2


def test_a_notice_that_comes_too_late_is_withdrawn(bot: Rig) -> None:
    with_picture(bot)
    bot.watch()
    bot.clock.advance(301)
    bot.step(Step.NOTICE)
    bot.step(Step.RESOLVE)
    bot.step(Step.ANALYSE)
    bot.settle()
    kinds = [(reply.kind, reply.state) for reply in bot.store.outbox.of_mention(1)]
    assert kinds == [("pending", ReplyState.WITHDRAWN), ("verdict", ReplyState.SENT)]


def sha256_of(bot: Rig) -> str:
    (medium,) = bot.store.posts.media_of("inbox", "p")
    assert medium.sha256 is not None
    return medium.sha256


def test_a_review_that_changes_the_band_is_told_to_everyone_who_was_answered(bot: Rig) -> None:
    bot.world.post("p", bot.world.medium(1))
    bot.world.mention("m1", parent_id="p")
    bot.world.mention("m2", parent_id="p", author="b")
    bot.settle()
    before = bot.store.mentions.get(1).band
    rules = {"inbox": bot.platform.text_rules}
    label, after = (ReviewLabel.REAL, "low") if before != "low" else (ReviewLabel.FAKE, "high")

    def say(label: ReviewLabel) -> int:
        return len(review(bot.store, bot.writer, rules, sha256_of(bot), label, note="", reviewer="ann"))

    assert say(label) == 2
    bot.settle()
    assert [len(bot.replies_to(name)) for name in ("m1", "m2")] == [2, 2]
    assert bot.store.mentions.get(1).band == after
    assert say(label) == 0
    assert say(ReviewLabel.CANNOT_TELL) == 2
    bot.settle()
    assert [reply.revision for reply in bot.store.outbox.of_mention(1)] == [0, 1, 2]
    assert bot.end("m1") == "answered"


def test_a_later_asker_hears_the_review(bot: Rig) -> None:
    bot.world.post("p", bot.world.medium(1))
    bot.world.mention("m1", parent_id="p")
    bot.settle()
    bot.store.reviews.add(sha256_of(bot), "manipulated", "", "ann")
    bot.world.mention("m2", parent_id="p", author="b")
    bot.settle()
    assert bot.store.mentions.get(2).band == "high"


def test_a_review_counts_although_the_file_is_deleted(bot: Rig) -> None:
    with_picture(bot)
    bot.settle()
    sha256 = sha256_of(bot)
    bot.store.media.mark_deleted(sha256)
    rules = {"inbox": bot.platform.text_rules}
    label = ReviewLabel.REAL if bot.store.mentions.get(1).band != "low" else ReviewLabel.FAKE
    assert len(review(bot.store, bot.writer, rules, sha256, label, note="", reviewer="ann")) == 1


def test_a_file_that_was_removed_is_fetched_again_for_the_next_asker(bot: Rig, tmp_path: Path) -> None:
    with_picture(bot)
    bot.settle()
    (stored,) = list((tmp_path / "media").rglob(sha256_of(bot)))
    stored.unlink()
    bot.world.mention("m2", parent_id="p", author="b")
    bot.settle()
    assert bot.end("m2") == "answered"
    assert stored.exists()


def test_a_licence_that_limits_the_answers_use_is_told(tmp_path: Path) -> None:
    class Limited(StubAnalyzer):
        def _analyse(self, path: Path) -> Analysis:
            made = super()._analyse(path)
            return replace(made, scores=(Score("genconvit_ed", 0.5, applicable=True),))

    with rig(tmp_path, analyzer=Limited()) as bot:
        with_picture(bot)
        bot.settle()
        assert "GPL" in bot.replies_to("m")[0]


def test_wordings_do_not_repeat_from_one_asker_to_the_next(bot: Rig) -> None:
    for number in range(4):
        bot.world.mention(f"m{number}", parent_id="nowhere", author=f"asker{number}")
    bot.settle()
    wordings = [next(iter(bot.store.outbox.of_mention(n))).wording for n in range(1, 5)]
    assert all(one != other for one, other in itertools.pairwise(wordings))


def test_a_page_is_stored_before_its_cursor(bot: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    with_picture(bot)

    def no_cursor(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(bot.store.cursors, "set", no_cursor)
        with pytest.raises(OSError, match="disk full"):
            bot.watch()
    assert bot.store.mentions.known("inbox", "m")
    assert bot.watch() == 0
    bot.settle()
    assert bot.reply_counts() == {"m": 1}


@pytest.mark.parametrize("step", [Step.RESOLVE, Step.ANALYSE, Step.SEND])
def test_whoever_lost_the_lease_changes_nothing(bot: Rig, step: Step) -> None:
    with_picture(bot)
    bot.watch()
    for earlier in (Step.RESOLVE, Step.ANALYSE, Step.SEND):
        if earlier is step:
            break
        bot.step(earlier)
    (slow,) = bot.flow.claim(step, ("inbox",), 1)
    bot.clock.advance(61)
    (fast,) = bot.flow.claim(step, ("inbox",), 1)
    bot.flow.run(slow)
    bot.flow.run(fast)
    bot.settle()
    assert bot.end("m") == "answered"
    assert bot.reply_counts() == {"m": 1}
