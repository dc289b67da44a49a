"""`--help`: what each command shows of its options."""

from __future__ import annotations

import re

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from bot.cli.app import app

_TYPES = re.compile(r"--\S+ .*<(?:bool|str|int|float|path|int range)>")


def _paths(group: TyperGroup, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [before]
    for name, command in group.commands.items():
        path = (*before, name)
        found += _paths(command, path) if isinstance(command, TyperGroup) else [path]
    return found


ROOT = typer.main.get_command(app)
assert isinstance(ROOT, TyperGroup)


@pytest.mark.parametrize("path", _paths(ROOT), ids=" ".join)
def test_options_are_shown_in_words(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"])
    assert shown.exit_code == 0
    assert "--help" in shown.stdout
    assert not _TYPES.search(shown.stdout), shown.stdout


def test_flags_take_nothing_and_values_are_named() -> None:
    shown = CliRunner().invoke(app, ["serve", "--help"]).stdout
    assert re.search(r"--port +N +Port to listen on", shown)
    assert re.search(r"--host +TEXT +Address", shown)
    check = CliRunner().invoke(app, ["check", "--help"]).stdout
    assert "{INPUT}..." in check
    assert re.search(r"--json +Print JSON", check)
