"""Mastodon, held to the contract by the real Mastodon.py against the stand-in on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bot.platforms.contract import PlatformContract
from tests.bot.platforms.mastodon.world import Doorway, MastodonWorld


class TestMastodon(PlatformContract):
    @pytest.fixture
    def world(self, tmp_path: Path, doorway: Doorway) -> MastodonWorld:
        return MastodonWorld(tmp_path, doorway=doorway)


class TestOtherServers(PlatformContract):
    """Servers that speak the same API, ignore `min_id`, keep no keys and know the old instance only."""

    @pytest.fixture
    def world(self, tmp_path: Path, doorway: Doorway) -> MastodonWorld:
        world = MastodonWorld(tmp_path, doorway=doorway)
        quirks = world.network.quirks
        quirks.ignores_min_id = quirks.ignores_keys = quirks.only_old_instance = True
        return world
