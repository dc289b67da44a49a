"""The platform x over the stand-in, held to the contract: with OAuth 1.0a, and with OAuth 2.0."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bot.platforms.contract import PlatformContract
from tests.bot.platforms.x.world import XWorld, x_world


class TestX(PlatformContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[XWorld]:
        with x_world(tmp_path) as world:
            yield world


class TestXByOAuth2(PlatformContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[XWorld]:
        with x_world(tmp_path) as world:
            world.secrets = world.stand_in.tokens.oauth2(world.stand_in.bot)
            yield world
