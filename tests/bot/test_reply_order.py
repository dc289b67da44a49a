"""Several replies to one mention: none too late, none in the wrong order, none left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.ensemble.combine import ReviewLabel
from bot.errors import OutcomeUnknown, PlatformUnavailable
from bot.reviews import review
from state.model import ReplyState, Step
from tests.bot.rig import Rig, rig


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as bot:
        bot.world.post("p", bot.world.medium(1))
        bot.world.mention("m", parent_id="p")
        bot.watch()
        yield bot


def say(bot: Rig, label: ReviewLabel) -> int:
    (medium,) = bot.store.posts.media_of("inbox", "p")
    assert medium.sha256 is not None
    rules = {"inbox": bot.platform.text_rules}
    return len(review(bot.store, bot.writer, rules, medium.sha256, label, note="", reviewer="ann"))


def another_label(bot: Rig) -> ReviewLabel:
    return ReviewLabel.REAL if bot.store.mentions.get(1).band != "low" else ReviewLabel.FAKE


def states(bot: Rig) -> list[tuple[str, ReplyState]]:
    return [(reply.kind, reply.state) for reply in bot.store.outbox.of_mention(1)]


@pytest.mark.parametrize("stands", [False, True])
def test_a_notice_whose_fate_is_unknown_never_comes_after_the_verdict(bot: Rig, stands: bool) -> None:
    bot.clock.advance(301)
    bot.step(Step.NOTICE)
    (bot.platform.after if stands else bot.platform.before).append(OutcomeUnknown("time-out"))
    bot.step(Step.SEND)
    bot.settle()
    pending = ReplyState.SENT if stands else ReplyState.WITHDRAWN
    assert states(bot) == [("pending", pending), ("verdict", ReplyState.SENT)]
    assert len(bot.replies_to("m")) == 1 + stands
    assert bot.end("m") == "answered"


def test_a_review_while_the_verdict_is_on_its_way_is_told_too(bot: Rig) -> None:
    bot.step(Step.RESOLVE)
    bot.step(Step.ANALYSE)
    say(bot, another_label(bot))
    bot.settle()
    assert states(bot) == [("verdict", ReplyState.SENT), ("correction", ReplyState.SENT)]


def test_corrections_come_in_their_order(bot: Rig) -> None:
    bot.settle()
    assert say(bot, another_label(bot)) == 1
    assert say(bot, ReviewLabel.CANNOT_TELL) == 1
    bot.platform.before = [PlatformUnavailable("503")]
    bot.settle()
    assert states(bot)[1:] == [("correction", ReplyState.SENT)] * 2
    assert [reply["text"] for reply in bot.world.replies()] == [
        reply.text for reply in bot.store.outbox.of_mention(1)
    ]
