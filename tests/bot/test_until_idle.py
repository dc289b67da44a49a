"""`--until-idle`: the balance comes last."""

from __future__ import annotations

import time
from pathlib import Path

from analysis.stub import StubAnalyzer
from bot import process
from bot.config import Settings
from tests.bot.killing import settings_for
from tests.bot.world import busy_inbox


class Slow:
    """A spectator that takes its time over each mention."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def loading(self, step: str) -> None: ...

    def closed(self, mention: object, reply: object) -> None:
        time.sleep(0.25)
        self.seen.append("closed")

    def idle(self, store: object, new: int) -> None:
        self.seen.append("idle")


def test_every_mention_is_shown_before_the_balance(tmp_path: Path) -> None:
    world, expected = busy_inbox(tmp_path / "inbox")
    settings: Settings = settings_for(world.folder, tmp_path / "data", test_mode=True)
    slow = Slow()
    process.run(settings, slow, until_idle=True, make_analyzer=lambda *_: StubAnalyzer())
    shown = len(expected) - 1  # the bot's own post is ignored at the door
    assert slow.seen == ["closed"] * shown + ["idle"]
