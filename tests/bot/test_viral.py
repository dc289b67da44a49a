"""A thousand people tag one viral picture within a minute: one analysis, limits kept, fair, no bloat."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from analysis.model import Analysis
from analysis.stub import StubAnalyzer
from bot.clock import FakeClock
from bot.errors import RateLimited
from bot.platforms.base import Draft, Page, Post, SentReply
from bot.platforms.gate import Gate
from state.model import MentionState, Step
from tests.bot.platforms.faults.bot import bot_over
from tests.bot.platforms.faults.networks import X, network
from tests.bot.rig import FaultyInbox, Rig, rig
from tests.bot.world import InboxWorld
from tests.state.conftest import START

ASKERS = 1000
QUARTER = timedelta(minutes=15)
BUDGETS = {"mentions": 450, "posts": 900, "replies": 300}
"""Requests in a quarter of an hour, as X allows them."""

Result = TypeVar("Result")


class Crowded(FaultyInbox):
    """The inbox with X's limits, strictly kept, past a gate. ``over`` counts what a gate should have held."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        super().__init__(folder)
        self.over = 0
        self.sent: list[tuple[datetime, str]] = []
        self._clock = clock
        self._gate = Gate("inbox", clock)
        self._used: Counter[tuple[str, int]] = Counter()

    def mentions(self, cursor: str) -> Page:
        return self._through("mentions", lambda: FaultyInbox.mentions(self, cursor))

    def fetch_post(self, post_id: str) -> Post:
        return self._through("posts", lambda: FaultyInbox.fetch_post(self, post_id))

    def reply(self, draft: Draft) -> SentReply:
        sent = self._through("replies", lambda: self._replies.append(draft))
        self.sent.append((self._clock.now(), draft.in_reply_to))
        return sent

    def _through(self, endpoint: str, work: Callable[[], Result]) -> Result:
        with self._gate.call(endpoint) as call:
            window = (self._clock.now() - START) // QUARTER
            reset_at = START + (window + 1) * QUARTER
            self._used[endpoint, window] += 1
            left = BUDGETS[endpoint] - self._used[endpoint, window]
            call.budget(limit=BUDGETS[endpoint], remaining=max(0, left), reset_at=reset_at)
            if left < 0:
                self.over += 1
                raise RateLimited("429", reset_at)
            return work()


class Counting(StubAnalyzer):
    """A stub that counts what it is given."""

    submitted = 0

    def submit(self, path: Path) -> Future[Analysis]:
        self.submitted += 1
        return super().submit(path)


def crowd(world: InboxWorld, number: int) -> list[str]:
    """So many people tag the bot on one picture, within a minute."""
    world.post("viral", world.medium(1))
    minute = timedelta(minutes=1) / number
    return [
        world.mention(
            f"m{n}",
            parent_id="viral",
            author=f"asker{n}",
            created_at=(START + n * minute).isoformat(),
        )
        for n in range(number)
    ]


@pytest.fixture
def analyzer() -> Counting:
    return Counting()


@pytest.fixture
def bot(tmp_path: Path, analyzer: Counting) -> Iterator[Rig]:
    clock = FakeClock(START)
    with rig(tmp_path, analyzer=analyzer, clock=clock, platform=lambda f: Crowded(f, clock)) as bot:
        bot.clock.advance(60)
        yield bot


def live(bot: Rig) -> None:
    """Every step ten seconds, as the loops do, until all have their answer."""
    for _ in range(6 * 60 * 4):
        bot.watch()
        for step in (Step.RESOLVE, Step.ANALYSE, Step.SEND):
            bot.step(step)
        if bot.store.queue.open_count(["inbox"], Step.RESOLVE, Step.ANALYSE, Step.SEND) == 0:
            return
        bot.clock.advance(10)
    raise AssertionError("somebody still waits after four hours")


def test_a_thousand_askers_within_a_minute(bot: Rig, analyzer: Counting) -> None:
    asked = crowd(bot.world, ASKERS)
    live(bot)
    platform = bot.platform
    assert isinstance(platform, Crowded)
    assert bot.store.mentions.counts()[MentionState.ANSWERED] == ASKERS
    assert Counter(to for _, to in platform.sent) == dict.fromkeys(asked, 1)
    assert analyzer.submitted == 1
    assert platform.over == 0
    assert [to for _, to in platform.sent] == asked  # oldest first
    windows = Counter((at - START) // QUARTER for at, _ in platform.sent)
    assert windows == {0: 300, 1: 300, 2: 300, 3: 100}


def test_one_who_asks_a_lot_keeps_nobody_waiting(bot: Rig) -> None:
    """Of one asker at most one mention is ahead: the second is looked at when the first is resolved."""
    for n in range(5):
        bot.world.post(f"p{n}", bot.world.medium(n))
        bot.world.mention(f"greedy{n}", parent_id=f"p{n}", author="greedy")
    bot.world.mention("other", parent_id="p0", author="other")
    bot.watch()
    jobs = bot.flow.claim(Step.RESOLVE, ("inbox",), 9)
    names = [bot.store.mentions.get(job.subject_id).post.platform_id for job in jobs]
    assert names == ["greedy0", "other"]


def test_memory_does_not_grow_with_the_crowd(bot: Rig) -> None:
    """After a thousand more little more is left in memory than after the first hundred."""
    crowd(bot.world, 100)
    live(bot)
    tracemalloc.start()
    for n in range(ASKERS):
        bot.world.mention(f"more{n}", parent_id="viral", author=f"later{n}")
    before, _ = tracemalloc.get_traced_memory()
    live(bot)
    bot.closed.clear()
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 1_500_000
    assert peak - before < 6_000_000


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_a_thousand_askers_on_the_stand_in_for_x(tmp_path: Path) -> None:
    """Over HTTP and with X's own limits, 100 posts in a quarter of an hour among them: not one 429."""
    with network("x", tmp_path) as where:
        assert isinstance(where, X)
        refused: list[str] = []
        counted = where.world.stand_in.limits.count

        def count(endpoint: str, token: str) -> tuple[bool, dict[str, str]]:
            allowed, told = counted(endpoint, token)
            refused.extend([] if allowed else [endpoint])
            return allowed, told

        where.world.stand_in.limits.count = count
        cursor, first = where.cursor_at_now(), where.ask()
        parent = where.world.state.tweets[first].parent_id
        asked = [first]
        for _ in range(ASKERS - 1):
            where.clock.advance(0.06)
            asked.append(where.world.mention("is this real?", parent_id=parent))
        with bot_over(tmp_path / "bot", where.connect(), where.clock) as bot:
            bot.store.cursors.set("x", cursor)
            while not bot.mentions() or bot.busy():
                bot.pass_once()
                where.clock.advance(10)
            assert bot.store.mentions.counts()[MentionState.ANSWERED] == ASKERS
        assert [reply.in_reply_to for reply in where.world.replies()] == asked
        assert refused == []
