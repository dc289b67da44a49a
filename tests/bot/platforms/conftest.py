"""What every platform is given besides its settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.credentials import Credentials
from bot.platforms.access import Access
from bot.platforms.gate import Gate


@pytest.fixture
def access(tmp_path: Path) -> Access:
    return Access(Gate("somewhere"), Credentials(tmp_path / "credentials" / "somewhere.json"))
