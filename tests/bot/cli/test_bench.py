"""`veritag bench`: which benchmarks are run, and what is told where they cannot be."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.cli import bench, edge


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command[2:])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_the_sample_clip_is_the_default(started: list[list[str]]) -> None:
    assert edge.run(["bench", "--cores", "1", "--runs", "2"]) == 0
    engine, queue = started
    assert engine == ["benchmarks.engine", str(bench.SAMPLE), "--runs", "2", "--cores", "1"]
    assert queue == ["benchmarks.queue", "--cores", "1"]
    assert bench.SAMPLE.is_file()


def test_a_clip_that_is_not_there(started: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    assert edge.run(["bench", "nowhere.mp4"]) == 2
    assert "nowhere.mp4" in capsys.readouterr().err
    assert not started


def test_without_the_repository(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    assert edge.run(["bench"]) == 2
    assert "copy of the repository" in capsys.readouterr().err
