"""The loopback server that stands for strangers' sites."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bot.resolver.server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()
