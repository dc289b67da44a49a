"""The platforms of this package, held to the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.platforms.base import Platform
from bot.platforms.reply_log import ReplyLog
from bot.platforms.simulated import SimulatedPlatform
from tests.bot.platforms.contract import PlatformContract, StandingReply, draft
from tests.bot.platforms.inbox_world import InboxWorld, read_replies


class SimulatedWorld(InboxWorld):
    """An inbox that the bot reads in test mode."""

    @property
    def log(self) -> Path:
        return self.folder.parent / "simulated.jsonl"

    def connect(self, *, page_size: int = 100) -> Platform:
        return SimulatedPlatform(super().connect(page_size=page_size), ReplyLog(self.log))

    def replies(self) -> list[StandingReply]:
        return read_replies(self.log)


class TestInbox(PlatformContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> InboxWorld:
        return InboxWorld(tmp_path / "inbox")


class TestSimulatedInbox(PlatformContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> SimulatedWorld:
        return SimulatedWorld(tmp_path / "inbox")

    def test_nothing_is_posted(self, world: SimulatedWorld) -> None:
        platform = world.connect()
        platform.reply(draft(world.mention()))
        assert len(world.replies()) == 1
        assert not (world.folder / "replies.jsonl").exists()
