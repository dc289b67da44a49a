"""The stand-in that Mastodon's tests speak to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bot.platforms.mastodon.world import Doorway, MastodonWorld


@pytest.fixture(scope="session")
def doorway() -> Iterator[Doorway]:
    doorway = Doorway()
    with doorway.server:
        yield doorway


@pytest.fixture
def world(tmp_path: Path, doorway: Doorway) -> MastodonWorld:
    return MastodonWorld(tmp_path, doorway=doorway)


@pytest.fixture
def ending(tmp_path: Path) -> Iterator[MastodonWorld]:
    """One with a server of its own, that a test may stop."""
    world = MastodonWorld(tmp_path)
    world.start()
    yield world
    world.stop()
