"""A platform that asks to wait is left alone, by all jobs and not only by the one that was told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import CredentialsRefused, RateLimited
from state.model import Step
from tests.bot.rig import rig
from tests.state.conftest import START

MENTIONS = 10


@pytest.mark.parametrize(
    ("problem", "minutes"),
    [(RateLimited("429", START + timedelta(minutes=15)), 15), (CredentialsRefused("401"), 5)],
)
def test_one_refusal_holds_back_every_reply(tmp_path: Path, problem: Exception, minutes: int) -> None:
    with rig(tmp_path) as bot:
        for number in range(MENTIONS):
            bot.world.mention(f"m{number}", parent_id="nowhere", author=f"asker{number}")
        bot.watch()
        bot.step(Step.RESOLVE)
        bot.platform.before = [problem]
        bot.step(Step.SEND)
        assert bot.platform.requests == 1
        bot.clock.advance(minutes * 60 - 1)
        assert bot.step(Step.SEND) == 0
        bot.clock.advance(2)
        assert bot.step(Step.SEND) == MENTIONS
        assert len(bot.world.replies()) == MENTIONS


def test_one_refusal_holds_back_every_look_at_a_post(tmp_path: Path) -> None:
    with rig(tmp_path) as bot:
        for number in range(MENTIONS):
            bot.world.mention(f"m{number}", parent_id="nowhere", author=f"asker{number}")
        bot.watch()
        bot.platform.fetching = [RateLimited("429", START + timedelta(minutes=15))]
        assert bot.step(Step.RESOLVE) == 1
        bot.clock.advance(15 * 60 + 1)
        assert bot.step(Step.RESOLVE) == MENTIONS
