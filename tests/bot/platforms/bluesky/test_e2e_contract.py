"""The platform `bluesky` against the real servers on loopback, held to the contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bot.platforms.bluesky.network import Network, real_network
from tests.bot.platforms.bluesky.world import BlueskyWorld
from tests.bot.platforms.contract import PlatformContract

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with real_network(tmp_path_factory.mktemp("network")) as running:
        yield running


class TestRealBluesky(PlatformContract):
    @pytest.fixture
    def world(self, network: Network, tmp_path: Path) -> Iterator[BlueskyWorld]:
        world = BlueskyWorld(network.pds, network.plc, tmp_path)
        yield world
        world.close()
