"""The real command, the real engine, as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[3]


def veritag(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot.cli", *arguments],
        cwd=Path.cwd(),
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


@pytest.fixture
def media() -> list[str]:
    Image.effect_noise((320, 320), 60).convert("RGB").save("noise.jpg")
    Image.linear_gradient("L").resize((400, 300)).save("gradient.png")
    Image.new("RGB", (300, 300), "red").save("one.gif")
    return ["noise.jpg", "gradient.png", "one.gif"]


def test_check_judges_files_and_names_what_it_cannot_use(media: list[str]) -> None:
    Path("junk.jpg").write_bytes(os.urandom(4000))
    Path("empty.mp4").touch()
    Path("text.png").write_text("not a picture")
    bad = ["junk.jpg", "empty.mp4", "text.png", "nowhere.jpg", ".", "http://127.0.0.1/x.jpg"]
    done = veritag("check", "--json", *media, *bad)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [item["input"] for item in found] == [*media, *bad]
    for item in found[: len(media)]:
        assert item["error"] is None
        assert item["media"][0]["verdict"]["band"] in {"trusted", "low", "uncertain", "high", "unknown"}
        assert item["media"][0]["timing"]["total"] > 0
    assert {item["input"]: item["error"]["reason"] for item in found[len(media) :]} == {
        "junk.jpg": "not_media",
        "empty.mp4": "empty",
        "text.png": "not_media",
        "nowhere.jpg": "no_such_file",
        ".": "is_a_folder",
        "http://127.0.0.1/x.jpg": "blocked_address",
    }


@pytest.mark.parametrize("policy", ["calibrated", "vote"])
def test_check_answers_people(media: list[str], policy: str) -> None:
    done = veritag("check", "--policy", policy, *media)
    assert (done.returncode, done.stderr) == (0, "")
    for name in media:
        assert name in done.stdout
    assert f"policy {policy}" in done.stdout


def test_the_same_medium_gets_the_same_answer(media: list[str]) -> None:
    first, second = (json.loads(veritag("check", "--json", media[0]).stdout)["media"][0] for _ in range(2))
    assert {**first, "timing": None} == {**second, "timing": None}


def test_an_interruption_in_the_middle_of_work_is_quiet(media: list[str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "bot.cli", "check", "--json", *(media * 2000)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert json.loads(running.stdout.readline())["error"] is None
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (130, "")


def test_a_reader_that_leaves_ends_the_work_quietly(media: list[str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "bot.cli", "check", *(media * 500)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        err = running.stderr.read()
        assert running.wait(timeout=60) == 1
    assert err == ""
