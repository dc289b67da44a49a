"""The stand-in on a real loopback server, and a world over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.standins.bluesky import create
from bot.standins.bluesky.app import BlueskyStandIn
from bot.web.server import WebServer
from tests.bot.platforms.bluesky.world import BlueskyWorld


@dataclass(frozen=True)
class Served:
    """A stand-in and where it is."""

    standin: BlueskyStandIn
    url: str


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    standin = create()
    with WebServer(standin.app, port=0, connections=None) as server:
        yield Served(standin, f"http://127.0.0.1:{server.port}")


@pytest.fixture
def world(served: Served, tmp_path: Path) -> Iterator[BlueskyWorld]:
    served.standin.faults.clear()
    served.standin.budget = 1_000_000
    world = BlueskyWorld(served.url, served.url, tmp_path)
    yield world
    served.standin.faults.clear()
    world.close()
