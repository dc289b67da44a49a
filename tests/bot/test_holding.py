"""A platform that asks to wait is left alone by all jobs, not only by the one that was told; not for ever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.checks import check_credentials, check_queue
from bot.errors import CredentialsRefused, PlatformError, RateLimited
from bot.flow import Flow
from bot.health import Check
from bot.holds import Holds
from state.model import MentionState, ReplyState, Step
from tests.bot.rig import FaultyInbox, Rig, rig
from tests.bot.world import InboxWorld
from tests.state.conftest import START

MENTIONS = 10
HOUR = 3600.0


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as bot:
        for number in range(MENTIONS):
            bot.world.mention(f"m{number}", parent_id="nowhere", author=f"asker{number}")
        bot.watch()
        yield bot


def ends(bot: Rig) -> set[str]:
    return {bot.end(f"m{number}") for number in range(MENTIONS)}


@pytest.mark.parametrize(
    ("problem", "minutes"),
    [(RateLimited("429", START + timedelta(minutes=15)), 15), (CredentialsRefused("401"), 5)],
)
def test_one_refusal_holds_back_every_reply(bot: Rig, problem: Exception, minutes: int) -> None:
    bot.step(Step.RESOLVE)
    bot.platform.before = [problem]
    bot.step(Step.SEND)
    assert bot.platform.requests == 1
    bot.clock.advance(minutes * 60 - 1)
    assert bot.step(Step.SEND) == 0
    bot.clock.advance(2)
    assert bot.step(Step.SEND) == MENTIONS
    assert len(bot.world.replies()) == MENTIONS


def test_one_refusal_holds_back_every_look_at_a_post(bot: Rig) -> None:
    bot.platform.fetching = [RateLimited("429", START + timedelta(minutes=15))]
    assert bot.step(Step.RESOLVE) == 1
    bot.clock.advance(15 * 60 + 1)
    assert bot.step(Step.RESOLVE) == MENTIONS


def test_other_platforms_go_on(bot: Rig, tmp_path: Path) -> None:
    there = InboxWorld(tmp_path / "elsewhere")
    other = FaultyInbox(there.folder)
    other.name = "elsewhere"
    bot.flow.platforms = {**bot.flow.platforms, "elsewhere": other}
    there.mention("e", parent_id="nowhere", author="eve")
    bot.flow.accept(other, other.mentions(other.cursor_at_start()))
    both = ("inbox", "elsewhere")
    bot.platform.fetching = [RateLimited("429", START + timedelta(hours=9))]
    for step in (Step.RESOLVE, Step.SEND):
        while jobs := bot.flow.claim(step, both, 1):
            bot.flow.run(jobs[0])
    assert len(there.replies()) == 1
    assert bot.world.replies() == []


def refused_until(bot: Rig, problem: PlatformError, hours: float, step: Step) -> int:
    """Let the platform refuse everything, with a look at the queue a minute; how many requests it saw."""
    faults = bot.platform.before if step is Step.SEND else bot.platform.fetching
    seen = 0
    for _ in range(round(hours * 60)):
        faults[:] = [problem]
        bot.step(step)
        seen += not faults
        bot.clock.advance(60)
    faults.clear()
    return seen


def test_replies_that_are_refused_for_a_day_come_too_late(bot: Rig) -> None:
    bot.step(Step.RESOLVE)
    seen = refused_until(bot, CredentialsRefused("401"), 24.1, Step.SEND)
    assert ends(bot) == {"failed:too_late"}
    assert seen <= 24.1 * 12 + 1  # one request in five minutes, however many replies wait
    assert bot.store.queue.count(Step.SEND) == 0
    assert len(bot.closed) == MENTIONS
    assert [reply.state for reply in bot.store.outbox.of_mention(1)] == [ReplyState.FAILED]
    assert bot.world.replies() == []


def test_replies_go_out_when_the_platform_relents_in_time(bot: Rig) -> None:
    bot.step(Step.RESOLVE)
    refused_until(bot, CredentialsRefused("401"), 23, Step.SEND)
    bot.settle()
    assert len(bot.world.replies()) == MENTIONS


def test_mentions_that_cannot_be_resolved_for_a_day_come_too_late(bot: Rig) -> None:
    refused_until(bot, RateLimited("429"), 24.1, Step.RESOLVE)
    assert ends(bot) == {"failed:too_late"}
    assert bot.store.mentions.counts()[MentionState.FAILED] == MENTIONS
    assert bot.store.queue.open_count(["inbox"], Step.RESOLVE, Step.SEND) == 0


def test_a_young_reply_has_its_own_time(bot: Rig) -> None:
    bot.step(Step.RESOLVE)
    refused_until(bot, CredentialsRefused("401"), 12, Step.SEND)
    bot.world.mention("young", parent_id="nowhere", author="young")
    bot.watch()
    bot.step(Step.RESOLVE)
    refused_until(bot, CredentialsRefused("401"), 12.1, Step.SEND)
    assert (ends(bot), bot.end("young")) == ({"failed:too_late"}, "analysed:post_gone")
    bot.settle()
    assert bot.replies_to("young")


def test_a_platform_that_takes_some_makes_nobody_too_late(bot: Rig) -> None:
    bot.step(Step.RESOLVE)
    for _ in range(MENTIONS):
        refused_until(bot, RateLimited("429"), 12, Step.SEND)
        bot.clock.advance(60)
        (job,) = bot.flow.claim(Step.SEND, ("inbox",), 1)
        bot.flow.run(job)
    assert len(bot.world.replies()) == MENTIONS


def test_replies_that_waited_for_the_brake_are_sent_all_the_same(bot: Rig) -> None:
    bot.step(Step.RESOLVE)
    bot.clock.advance(72 * HOUR)
    bot.platform.before = [RateLimited("429")]
    bot.settle()
    assert len(bot.world.replies()) == MENTIONS


def test_a_refused_job_keeps_its_turn_once(bot: Rig) -> None:
    bot.step(Step.RESOLVE)
    turns = []
    for _ in range(6):
        bot.clock.advance(HOUR)
        (job,) = bot.flow.claim(Step.SEND, ("inbox",), 1)
        turns.append(bot.store.outbox.get(job.subject_id).mention_id)
        bot.platform.before = [RateLimited("429")]
        bot.flow.run(job)
    assert turns == [1, 1, 2, 2, 3, 3]


def test_a_restart_makes_nobody_wait_anew(bot: Rig) -> None:
    bot.step(Step.RESOLVE)
    refused_until(bot, CredentialsRefused("401"), 20, Step.SEND)
    flow, old = Flow.__new__(Flow), bot.flow
    flow.__init__(  # type: ignore[misc]
        bot.store, old.platforms, old._resolver, old._analyses, bot.writer, old._manners, old.patience
    )
    bot.flow = flow
    refused_until(bot, CredentialsRefused("401"), 4.1, Step.SEND)
    assert ends(bot) == {"failed:too_late"}


def test_one_reply_that_waits_for_credentials_turns_the_health_red(bot: Rig) -> None:
    assert check_credentials("inbox", bot.flow.holds.standing()).ok
    bot.step(Step.RESOLVE)
    bot.platform.before = [CredentialsRefused("401")]
    bot.step(Step.SEND)
    red = check_credentials("inbox", bot.flow.holds.standing())
    assert (red.name, red.ok) == ("credentials:inbox", False)
    assert "since 2026-01-02 03:04 UTC" in red.detail
    assert "veritag authorize inbox" in red.detail
    assert check_credentials("elsewhere", bot.flow.holds.standing()).ok
    bot.settle()
    assert check_credentials("inbox", bot.flow.holds.standing()).ok


def test_waiting_for_a_limit_is_no_illness(bot: Rig) -> None:
    bot.step(Step.RESOLVE)
    bot.platform.before = [RateLimited("429")]
    bot.step(Step.SEND)
    assert check_credentials("inbox", bot.flow.holds.standing()).ok


def sending(bot: Rig, *others: str, pace: float = 0) -> Check:
    return check_queue(bot.store, Step.SEND, dict.fromkeys(("inbox", *others), pace), bot.flow.holds)


def test_a_backlog_behind_a_platforms_limit_degrades_the_health(bot: Rig) -> None:
    """One reply in ten minutes: the last of ten has waited long, and nothing is wrong."""
    bot.step(Step.RESOLVE)
    for sent in range(MENTIONS):
        now = sending(bot)
        assert now.ok, sent
        assert now.degraded == ("inbox asked to wait" in now.detail) == (sent >= 3), sent  # half an hour
        (job,) = bot.flow.claim(Step.SEND, ("inbox",), 1)
        bot.flow.run(job)
        assert sending(bot).ok, sent
        bot.platform.before = [RateLimited("429", bot.clock.now() + timedelta(minutes=10))]
        bot.step(Step.SEND)
        bot.clock.advance(10 * 60 + 1)
    assert len(bot.world.replies()) == MENTIONS


def test_a_limit_excuses_no_other_platform_and_no_standstill(bot: Rig, tmp_path: Path) -> None:
    bot.step(Step.RESOLVE)
    bot.platform.before = [RateLimited("429", START + timedelta(minutes=45))]
    bot.step(Step.SEND)
    bot.clock.advance(39 * 60)
    assert sending(bot, "elsewhere").degraded
    bot.store.queue.add(Step.SEND, "elsewhere", 77, bot.clock.now())
    bot.clock.advance(29 * 60)
    assert sending(bot, "elsewhere").degraded
    bot.clock.advance(3 * 60)
    ill = sending(bot, "elsewhere")
    assert (ill.ok, ill.detail) == (False, "the next step has waited 1920 s")
    assert bot.store.queue.cancel(Step.SEND, 77)
    bot.clock.advance(5 * 60)
    ill = sending(bot, "elsewhere")  # since the limit's end, too, nothing has left for half an hour
    assert (ill.ok, ill.degraded) == (False, False)


def test_a_backlog_behind_the_bots_own_pace_degrades_the_health(bot: Rig) -> None:
    """One reply in ten minutes, as for a limit; and a standstill is none."""
    bot.step(Step.RESOLVE)
    for sent in range(5):
        now = sending(bot, pace=600)
        assert (now.ok, now.degraded) == (True, sent > 3), sent
        (job,) = bot.flow.claim(Step.SEND, ("inbox",), 1)
        bot.flow.run(job)
        bot.clock.advance(10 * 60)
    paced = sending(bot, pace=600)
    assert "waited 3000 s: inbox gets one reply in 600 s, and more is queued" in paced.detail
    assert not sending(bot).ok
    assert not sending(bot, pace=300).ok
    bot.clock.advance(61)
    assert not sending(bot, pace=600).ok


def test_what_fails_keeps_no_pace(bot: Rig) -> None:
    bot.step(Step.RESOLVE)
    bot.clock.advance(31 * 60)
    bot.platform.before = [PlatformError("500")]
    (job,) = bot.flow.claim(Step.SEND, ("inbox",), 1)
    bot.flow.run(job)
    assert not sending(bot, pace=600).ok


def test_a_backlog_for_want_of_credentials_is_no_limit(bot: Rig) -> None:
    bot.step(Step.RESOLVE)
    refused_until(bot, CredentialsRefused("401"), 1, Step.SEND)
    assert not sending(bot).ok


def test_after_a_restart_the_limit_still_excuses_the_backlog(bot: Rig) -> None:
    bot.step(Step.RESOLVE)
    bot.platform.before = [RateLimited("429", START + timedelta(hours=2))]
    bot.step(Step.SEND)
    bot.clock.advance(HOUR)
    restarted = Holds(bot.store, timedelta(days=1))
    assert check_queue(bot.store, Step.SEND, {"inbox": 0}, restarted).degraded


@pytest.mark.parametrize("minutes", [3, 120])
def test_a_step_that_takes_long_keeps_its_lease(bot: Rig, minutes: int) -> None:
    """The rig's leases last a minute; others claim meanwhile."""
    (slow, *_) = bot.flow.claim(Step.RESOLVE, ("inbox",), 1)
    fetch, others = bot.platform.fetch_post, []

    def takes_long(post_id: str) -> object:
        bot.platform.fetch_post = fetch  # type: ignore[method-assign]
        for _ in range(minutes):
            bot.clock.advance(60)
            others.extend(bot.flow.claim(Step.NOTICE, ("inbox",), 1))
        return fetch(post_id)

    bot.platform.fetch_post = takes_long  # type: ignore[assignment, method-assign]
    bot.flow.run(slow)
    assert bot.end("m0") == "analysed:post_gone"
    assert slow.id not in {job.id for job in others}
    assert bot.step(Step.RESOLVE) == MENTIONS - 1
