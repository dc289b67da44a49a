"""`veritag train`: what it refuses before any training begins, and that the recipe is really run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli import edge


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch", "--data", "."], "there is no detector 'nosuch'"),
        (["tiny_ladeda", "--data", "nowhere"], "--data nowhere is no folder"),
        (["tiny_ladeda", "--data", ".", "--seed", "-1"], "seed"),
    ],
)
def test_faults_of_the_command_are_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert edge.run(["train", *arguments]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1


def test_the_recipe_is_run_with_what_was_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[list[str]] = []

    def run(command: list[str], *, check: bool) -> subprocess.CompletedProcess[bytes]:
        seen.append(command)
        return subprocess.CompletedProcess(command, returncode=len(seen) - 1)

    monkeypatch.setattr(subprocess, "run", run)
    arguments = ["train", "tiny_ladeda", "--data", ".", "--seed", "7"]
    assert edge.run(arguments) == 0
    module = [sys.executable, "-m", "detectors.training.tiny_ladeda"]
    assert seen[0] == [*module, "--data", ".", "--out", ".veritag/trained", "--seed", "7"]
    assert Path(".veritag/trained").is_dir()
    assert edge.run(arguments) == 1
    assert "ended with status 1" in capsys.readouterr().err
