"""Platforms by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.platforms import registry
from bot.platforms.access import Access
from tests.bot.platforms.inbox_world import InboxWorld


def test_inbox_is_created_from_its_options(tmp_path: Path, access: Access) -> None:
    world = InboxWorld(tmp_path / "inbox")
    platform = registry.create_platform("inbox", access, folder=world.folder, page_size=9)
    assert (platform.name, platform.limits.page_size) == ("inbox", 9)


def test_an_unknown_platform_names_the_known(access: Access) -> None:
    with pytest.raises(ConfigError, match=r"there is no 'friendster'; known: .*inbox"):
        registry.create_platform("friendster", access)


def test_a_missing_client_library_names_the_mend(monkeypatch: pytest.MonkeyPatch, access: Access) -> None:
    monkeypatch.setitem(registry._MODULES, "somewhere", "no_such_client_library")
    with pytest.raises(
        ConfigError, match=r"needs the package no_such_client_library; .*veritag\[somewhere\]"
    ):
        registry.create_platform("somewhere", access)


LIGHT = ["bot.platforms.registry", "bot.platforms.inbox", "bot.platforms.simulated", "bot.replies"]


@pytest.mark.parametrize("module", LIGHT)
def test_platforms_and_replies_import_no_heavy_library(module: str) -> None:
    code = f"import sys, {module}; sys.exit(bool({{'torch', 'numpy', 'PIL', 'av'}} & set(sys.modules)))"
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_the_registry_imports_no_platform() -> None:
    code = "import sys, bot.platforms.registry; sys.exit('bot.platforms.inbox' in sys.modules)"
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
