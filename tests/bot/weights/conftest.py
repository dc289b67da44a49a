from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bot.resolver.server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty weights folder, for this process and those that it starts."""
    home = tmp_path / "weights"
    monkeypatch.setenv("VERITAG_WEIGHTS_DIR", str(home))
    return home
