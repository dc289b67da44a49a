"""The platform `bluesky` over the stand-in, held to the contract."""

from __future__ import annotations

import pytest

from tests.bot.platforms.bluesky.world import BlueskyWorld
from tests.bot.platforms.contract import PlatformContract


class TestBluesky(PlatformContract):
    @pytest.fixture
    def world(self, world: BlueskyWorld) -> BlueskyWorld:
        return world
