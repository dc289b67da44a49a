from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import make_checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that a test may change."""
    return make_checkout(tmp_path / "checkout")
