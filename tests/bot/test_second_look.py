"""What an operator has looked at again: analysed or fetched anew, and nobody answered twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.errors import EngineFailed, MediumRefused, Refusal
from analysis.model import Analysis, Band
from analysis.stub import StubAnalyzer
from bot.errors import PlatformUnavailable, PostGone, RateLimited
from state.model import MentionState, ReplyState, Step
from tests.bot.rig import Rig, rig


class Changing(StubAnalyzer):
    """Says what it is told to say, under one fingerprint; or fails."""

    def __init__(self) -> None:
        super().__init__()
        self.band = Band.LOW
        self.fault: Exception | None = None
        self.runs = 0

    def submit(self, path: Path) -> Future[Analysis]:
        if self.fault is not None:
            failed: Future[Analysis] = Future()
            failed.set_exception(self.fault)
            return failed
        return super().submit(path)

    def _analyse(self, path: Path) -> Analysis:
        self.runs += 1
        made = super()._analyse(path)
        return replace(made, verdict=replace(made.verdict, band=self.band))


@pytest.fixture
def engine() -> Changing:
    return Changing()


@pytest.fixture
def bot(tmp_path: Path, engine: Changing) -> Iterator[Rig]:
    with rig(tmp_path, analyzer=engine) as bot:
        bot.world.post("p", bot.world.medium(1))
        bot.world.mention("m", parent_id="p")
        bot.world.mention("n", parent_id="p", author="bob")
        yield bot


def sha256_of(bot: Rig) -> str:
    (medium,) = bot.store.posts.media_of("inbox", "p")
    assert medium.sha256 is not None
    return medium.sha256


def look_again(bot: Rig, step: Step = Step.ANALYSE) -> None:
    bot.store.mentions.reopen(1, step, "ann")
    bot.settle()


@pytest.mark.parametrize("step", [Step.ANALYSE, Step.RESOLVE])
def test_the_same_verdict_again_is_told_to_nobody(bot: Rig, engine: Changing, step: Step) -> None:
    bot.settle()
    look_again(bot, step)
    assert engine.runs == 2
    assert bot.end("m") == "answered"
    assert bot.reply_counts() == {"m": 1, "n": 1}


@pytest.mark.parametrize("step", [Step.ANALYSE, Step.RESOLVE])
def test_another_verdict_is_told_to_everyone_who_heard_the_first(
    bot: Rig, engine: Changing, step: Step
) -> None:
    bot.settle()
    engine.band = Band.HIGH
    look_again(bot, step)
    assert [bot.store.mentions.get(number).band for number in (1, 2)] == ["high", "high"]
    assert bot.reply_counts() == {"m": 2, "n": 2}
    look_again(bot, step)
    assert bot.reply_counts() == {"m": 2, "n": 2}


def test_the_earlier_analysis_stays_on_record(bot: Rig, engine: Changing) -> None:
    bot.settle()
    engine.band = Band.HIGH
    look_again(bot)
    sql = "SELECT band, fingerprint FROM verdicts JOIN analyses ON id = analysis_id ORDER BY id"
    rows = [(row["band"], row["fingerprint"] == engine.fingerprint) for row in bot.store.rows(sql)]
    assert rows == [("low", False), ("high", True)]
    bot.world.mention("o", parent_id="p", author="eve")
    bot.settle()
    assert (engine.runs, bot.store.mentions.get(3).band) == (2, "high")


@pytest.mark.parametrize("fault", [EngineFailed("no memory"), MediumRefused(Refusal.TIMED_OUT, "slow")])
def test_where_no_new_verdict_comes_the_old_one_stands(bot: Rig, engine: Changing, fault: Exception) -> None:
    bot.settle()
    engine.fault = fault
    look_again(bot)
    assert (bot.end("m"), bot.store.mentions.get(1).band) == ("answered", "low")
    assert bot.reply_counts() == {"m": 1, "n": 1}
    told = [event.name for event in bot.store.events.of_mention(1)]
    assert "second_look_failed" in told
    analysis = bot.store.media.analysis(sha256_of(bot))
    assert analysis is not None
    assert analysis.verdict is not None


def test_after_a_failure_the_verdict_follows(bot: Rig, engine: Changing) -> None:
    engine.fault = MediumRefused(Refusal.TIMED_OUT, "slow")
    bot.settle()
    assert bot.end("m") == "failed:timed_out"
    engine.fault = None
    look_again(bot)
    assert bot.end("m") == "answered"
    assert len(bot.replies_to("m")) == 2


def test_a_second_failure_is_noted_and_not_told(bot: Rig, engine: Changing) -> None:
    engine.fault = MediumRefused(Refusal.TIMED_OUT, "slow")
    bot.settle()
    engine.fault = MediumRefused(Refusal.CORRUPT, "cut off")
    look_again(bot)
    assert bot.end("m") == "failed:corrupt"
    assert len(bot.replies_to("m")) == 1


def test_a_post_that_has_gone_since_leaves_the_answer_as_it_is(bot: Rig) -> None:
    bot.settle()
    bot.world.delete("p")
    look_again(bot, Step.RESOLVE)
    assert bot.end("m") == "answered"
    assert bot.reply_counts() == {"m": 1, "n": 1}


def test_a_verdict_that_could_not_be_posted_is_not_posted_by_a_second_look(bot: Rig) -> None:
    bot.platform.before = [PostGone("404")]
    bot.settle()
    assert bot.end("m") == "failed:post_gone"
    look_again(bot)
    assert bot.end("m") == "failed:post_gone"
    assert bot.reply_counts() == {"n": 1}


def test_a_deleted_file_is_fetched_again(bot: Rig, tmp_path: Path, engine: Changing) -> None:
    bot.settle()
    (stored,) = (tmp_path / "media").rglob(sha256_of(bot))
    stored.unlink()
    bot.store.media.mark_deleted(sha256_of(bot))
    look_again(bot, Step.RESOLVE)
    assert stored.exists()
    assert (engine.runs, bot.end("m")) == (2, "answered")


def test_a_second_look_that_dies_half_way_is_taken_up_again(bot: Rig, engine: Changing) -> None:
    bot.settle()
    engine.band = Band.HIGH
    bot.store.mentions.reopen(1, Step.RESOLVE, "ann")
    bot.step(Step.RESOLVE)
    assert bot.flow.claim(Step.ANALYSE, ("inbox",), 1)[0].afresh
    bot.store.queue.recover_all()
    bot.settle()
    assert bot.reply_counts() == {"m": 2, "n": 2}


def test_a_retracted_reply_is_gone_once_and_no_correction_follows(bot: Rig, engine: Changing) -> None:
    bot.settle()
    reply = next(iter(bot.store.outbox.of_mention(1)))
    bot.platform.retracting = [PlatformUnavailable("503")]
    assert bot.store.outbox.retract(reply.id)
    assert not bot.store.outbox.retract(reply.id)
    bot.settle()
    assert bot.store.outbox.get(reply.id).state == "retracted"
    assert bot.world.retractions() == [reply.platform_id]
    engine.band = Band.HIGH
    look_again(bot)
    assert bot.reply_counts() == {"m": 1, "n": 2}
    assert bot.store.mentions.get(1).state is MentionState.ANSWERED


def test_a_reply_that_the_platform_does_not_take_back_stands(bot: Rig) -> None:
    bot.settle()
    reply = next(iter(bot.store.outbox.of_mention(1)))
    bot.platform.retracting = [PlatformUnavailable("503")] * 3
    bot.store.outbox.retract(reply.id)
    bot.settle()
    found = bot.store.outbox.get(reply.id)
    assert (found.state, found.reason) == ("sent", "platform_unavailable")
    assert bot.end("m") == "answered"


def test_a_retraction_can_be_called_off_before_it_has_begun(bot: Rig) -> None:
    bot.settle()
    reply = next(iter(bot.store.outbox.of_mention(1)))
    bot.store.outbox.retract(reply.id)
    assert bot.store.outbox.keep(reply.id)
    bot.settle()
    assert bot.store.outbox.get(reply.id).state == "sent"
    assert not bot.store.outbox.keep(reply.id)


class Died(BaseException):
    """The process ends here."""


def test_whenever_the_process_dies_it_ends_the_same(tmp_path: Path) -> None:
    """Before each commit in turn: a re-run with another verdict, and a reply that is taken back."""
    deaths = 0
    for point in range(1, 40):
        engine = Changing()
        with rig(tmp_path / str(point), analyzer=engine) as bot:
            bot.world.post("p", bot.world.medium(1))
            bot.world.mention("m", parent_id="p")
            bot.world.mention("n", parent_id="p", author="bob")
            bot.settle()
            engine.band = Band.HIGH
            bot.store.outbox.retract(2)
            bot.store.mentions.reopen(1, Step.RESOLVE, "ann")
            deaths += die_at_commit(bot, point)
            bot.store.queue.recover_all()
            bot.settle()
            assert (bot.end("m"), bot.end("n")) == ("answered", "answered")
            assert bot.reply_counts() == {"m": 2, "n": 1}
            assert len(bot.world.retractions()) == 1
            assert bot.store.outbox.get(2).state == "retracted"
    assert deaths >= 8


def die_at_commit(bot: Rig, point: int) -> bool:
    commit, left = bot.store._commit, [point]

    def counted(connection: sqlite3.Connection) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Died
        commit(connection)

    bot.store._commit = counted  # type: ignore[method-assign]
    try:
        bot.settle()
    except Died:
        return True
    finally:
        bot.store._commit = commit  # type: ignore[method-assign]
    return False


def refused_for_a_day(bot: Rig, step: Step) -> None:
    """The platform refuses what this step asks of it, until the bot has waited long enough."""
    for _ in range(26):
        bot.platform.fetching = [RateLimited("429")]
        for job in bot.flow.claim(step, ("inbox",), 1):
            bot.flow.run(job)
        bot.clock.advance(3600)
    bot.platform.fetching = []


def test_who_was_answered_stays_so_where_media_cannot_be_fetched_again_for_a_day(bot: Rig) -> None:
    bot.settle()
    bot.store.mentions.reopen(1, Step.RESOLVE, "ann")
    refused_for_a_day(bot, Step.RESOLVE)
    assert bot.store.queue.open_count(["inbox"], Step.RESOLVE) == 0
    assert bot.end("m") == "answered"
    assert bot.reply_counts() == {"m": 1, "n": 1}
    assert "second_look_failed" in {event.name for event in bot.store.events.of_mention(1)}


def test_a_reply_that_cannot_be_taken_back_for_a_day_stands_and_says_so(bot: Rig) -> None:
    bot.settle()
    (reply,) = bot.store.outbox.of_mention(1)
    bot.store.outbox.retract(reply.id)
    bot.platform.retracting = [RateLimited("429")] * 50
    refused_for_a_day(bot, Step.RETRACT)
    assert bot.store.queue.open_count(["inbox"], Step.RETRACT) == 0
    (reply,) = bot.store.outbox.of_mention(1)
    assert (reply.state, reply.reason) == (ReplyState.SENT, "too_late")
