"""When nothing is posted: paused by an operator, by configuration, or in quiet hours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.pausing import Pausing, QuietHours, begin_as_configured
from state.manners import PAUSE
from state.model import Step
from state.store import Store
from tests.bot.rig import Rig, rig
from tests.state.conftest import START

MADRID = ZoneInfo("Europe/Madrid")
NIGHT = QuietHours(time(22), time(7), MADRID)
NOON = QuietHours(time(12), time(14), MADRID)


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as bot:
        bot.world.post("p", bot.world.medium(1))
        bot.world.mention("m", parent_id="p")
        yield bot


@pytest.mark.parametrize(
    ("hours", "moment", "quiet"),
    [
        (NIGHT, datetime(2026, 1, 10, 20, 59, tzinfo=UTC), False),
        (NIGHT, datetime(2026, 1, 10, 21, 0, tzinfo=UTC), True),
        (NIGHT, datetime(2026, 1, 10, 5, 59, tzinfo=UTC), True),
        (NIGHT, datetime(2026, 1, 10, 6, 0, tzinfo=UTC), False),
        (NIGHT, datetime(2026, 7, 10, 20, 0, tzinfo=UTC), True),  # summer time
        (NIGHT, datetime(2026, 7, 10, 5, 0, tzinfo=UTC), False),
        (NOON, datetime(2026, 1, 10, 11, 0, tzinfo=UTC), True),
        (NOON, datetime(2026, 1, 10, 13, 0, tzinfo=UTC), False),
        (NOON, datetime(2026, 1, 10, 10, 59, tzinfo=UTC), False),
    ],
)
def test_quiet_hours_go_by_the_clocks_of_their_zone(hours: QuietHours, moment: datetime, quiet: bool) -> None:
    assert hours.cover(moment) is quiet


def test_a_pause_holds_at_once_and_everything_but_posting_goes_on(bot: Rig) -> None:
    bot.watch()
    assert bot.step(Step.RESOLVE) == 1
    bot.store.switches.set(PAUSE, is_on=True, by="op", reason="storm")
    assert (bot.step(Step.ANALYSE), bot.step(Step.SEND)) == (1, 0)
    bot.world.mention("late", parent_id="p", author="b")
    assert bot.watch() == 1
    assert bot.world.replies() == []
    bot.store.switches.set(PAUSE, is_on=False, by="op")
    bot.settle()
    assert bot.reply_counts() == {"m": 1, "late": 1}


def test_replies_wait_for_the_end_of_the_quiet_hours(tmp_path: Path) -> None:
    begin = START.time()
    end = time((begin.hour + 3) % 24, begin.minute)
    with rig(tmp_path, quiet_hours=QuietHours(begin, end, ZoneInfo("UTC"))) as bot:
        bot.world.mention("m", bot.world.medium(1))
        bot.settle()
        assert bot.end("m") == "answered"
        assert bot.clock.now() >= START.replace(hour=end.hour)


def test_a_late_check_sends_no_notice_when_the_quiet_hours_end(tmp_path: Path) -> None:
    begin = START.time()
    end = time((begin.hour + 3) % 24, begin.minute)
    with rig(tmp_path, quiet_hours=QuietHours(begin, end, ZoneInfo("UTC"))) as bot:
        bot.world.mention("m", bot.world.medium(1))
        bot.watch()
        bot.clock.advance(600)
        assert bot.step(Step.NOTICE) == 1
        bot.settle()
        assert bot.reply_counts() == {"m": 1}


def reason(store: Store) -> str | None:
    return Pausing(store).reason()


def test_operators_see_who_paused_and_why(bot: Rig) -> None:
    assert reason(bot.store) is None
    bot.store.switches.set(PAUSE, is_on=True, by="op", reason="storm")
    assert reason(bot.store) == f"paused by op since {START:%Y-%m-%d %H:%M} UTC: storm"
    bot.store.switches.set(PAUSE, is_on=False, by="op")
    always = QuietHours(time(0), time(23, 59, 59), ZoneInfo("UTC"))
    assert Pausing(bot.store, always).reason() == "quiet hours until 23:59 (UTC)"


def test_the_configuration_decides_how_a_process_begins(bot: Rig) -> None:
    store = bot.store
    begin_as_configured(store, stop_posting=True)
    assert reason(store) is not None
    begin_as_configured(store, stop_posting=False)  # the setting was taken out
    assert reason(store) is None
    begin_as_configured(store, stop_posting=True)
    store.switches.set(PAUSE, is_on=False, by="op")  # `veritag resume`, until the next start
    assert reason(store) is None


def test_a_restart_leaves_an_operators_pause_alone(bot: Rig) -> None:
    bot.store.switches.set(PAUSE, is_on=True, by="op")
    begin_as_configured(bot.store, stop_posting=False)
    begin_as_configured(bot.store, stop_posting=True)
    switch = bot.store.switches.get(PAUSE)
    assert switch is not None
    assert (switch.is_on, switch.by) == (True, "op")
