"""The rooms of the design: imports go downward only, and light modules stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "detectors": {"detectors"},
    "analysis": {"analysis", "detectors"},
    "state": {"state"},
    "bot": {"bot", "analysis", "state", "detectors"},
}


def imported_rooms(file: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            rooms |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file}: relative import"
            rooms.add(node.module.split(".")[0])
    return rooms & {*MAY_IMPORT, "templates", "tests", "benchmarks"}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_go_downward_only(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    for file in files:
        assert imported_rooms(file) <= MAY_IMPORT[room], file


LIGHT = ["analysis.model", "analysis.errors", "detectors.record", "bot.platforms.base", "bot.errors"]


@pytest.mark.parametrize("module", LIGHT)
def test_light_modules_import_no_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
