"""`veritag generate`: what it refuses, what it says, and that a killed run goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.cli import edge
from tests.detectors.generation.media import files_of, write_pictures

ROOT = Path(__file__).parents[3]
OPTIONS = ["--from", "reals", "--to", "out"]


@pytest.fixture
def _reals() -> None:
    write_pictures(Path("reals"), 4)


@pytest.mark.usefixtures("_reals")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "say what to make of what"),
        (["splice", "--to", "out"], "say what to make of what"),
        (["nosuch", *OPTIONS], "there is no generator 'nosuch'; known: "),
        (["splice", "--from", "nowhere", "--to", "out"], "--from nowhere is no folder"),
        (
            ["splice", *OPTIONS, "--launder", "nosuch"],
            "there is no laundering 'nosuch' for image",
        ),
        (["splice", *OPTIONS, "--count", "0"], "count"),
        (["splice", *OPTIONS, "--workers", "0"], "workers"),
        (["splice", "--from", "reals", "--to", "reals/out"], "lie in each other"),
    ],
)
def test_faults_of_the_command_are_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert edge.run(["generate", *arguments]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1
    assert not Path("out").exists()


@pytest.mark.usefixtures("_reals")
def test_pairs_are_made_counted_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["generate", "copy_move", *OPTIONS, "--count", "3", "--launder", "like_x", "--seed", "5"]
    assert edge.run(arguments) == 0
    assert capsys.readouterr().out == "3 pairs made, 0 were there, 0 media passed over: out\n"
    assert len(list(Path("out/real").iterdir())) == len(list(Path("out/fake").iterdir())) == 3
    before = files_of(Path("out"))
    assert edge.run(arguments) == 0
    assert capsys.readouterr().out == "0 pairs made, 3 were there, 0 media passed over: out\n"
    assert files_of(Path("out")) == before


def test_when_nothing_can_be_made_the_reasons_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    write_pictures(Path("reals"), 1)
    assert edge.run(["generate", "splice", *OPTIONS]) == 1
    said = capsys.readouterr()
    assert "- photo 0.jpg: there is no second picture" in said.out
    assert "no fake could be made of any of these media" in said.err


def test_the_list_names_generators_and_presets(capsys: pytest.CaptureFixture[str]) -> None:
    assert edge.run(["generate", "--list"]) == 0
    out = capsys.readouterr().out
    for name in ("splice", "inpaint_patches", "like_whatsapp", "phone_call"):
        assert f"\n{name} " in out


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.e2e)])
def test_a_killed_run_goes_on_to_the_same_end(workers: str) -> None:
    write_pictures(Path("reals"), 20)
    assert edge.run(["generate", "inpaint_patches", "--from", "reals", "--to", "whole"]) == 0

    command = [sys.executable, "-m", "bot.cli", "generate", "inpaint_patches", *OPTIONS, "--workers", workers]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    manifest = Path("out/manifest.jsonl")
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not manifest.is_file() or manifest.read_text().count("\n") < 4:
            assert process.poll() is None, "it was to be killed at work"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    left = manifest.read_text().splitlines()
    assert 4 <= len(left) < 40
    kept = [Path("out", json.loads(line)["file"]) for line in left[:4]]
    times = [path.stat().st_mtime_ns for path in kept]

    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "20 pairs" not in done.stdout
    assert [path.stat().st_mtime_ns for path in kept] == times, "nothing is made twice"
    assert files_of(Path("out")) == files_of(Path("whole"))
