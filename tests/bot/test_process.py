"""The process: it starts at now, stops cleanly, holds its folder, and tells how it is."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.bot.world import InboxWorld

ROOT = Path(__file__).parents[2]
# The real command with the stand-in engine, so that no test waits for torch.
PROGRAM = """
import sys
from bot import assembly, process
from analysis.stub import StubAnalyzer
from bot.cli import edge

class Slow(StubAnalyzer):
    def warm_up(self, on_progress):
        on_progress("loading")

    def submit(self, path):
        if {slow}:
            import concurrent.futures
            return concurrent.futures.Future()
        return super().submit(path)

run = process.run
process.run = lambda *a, **k: run(*a, make_analyzer=lambda *_: Slow(), **k)
sys.exit(edge.run(sys.argv[1:]))
"""


@pytest.fixture
def world(tmp_path: Path) -> InboxWorld:
    return InboxWorld(tmp_path / "inbox", datetime.now(UTC))


def environment(tmp_path: Path, **settings: object) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VERITAG_")}
    quick = {
        "WATCH__INTERVAL": 0.1,
        "ANALYST__INTERVAL": 0.1,
        "REPLY__INTERVAL": 0.1,
        "WEB__ENABLED": "false",
    }
    ours = {"DATA_DIR": tmp_path / "data", "LOG__FORMAT": "json", **quick, **settings}
    return clean | {f"VERITAG_{name}": str(value) for name, value in ours.items()}


@contextmanager
def running(
    tmp_path: Path, world: InboxWorld, *options: str, slow: bool = False, **settings: object
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(slow=slow), "run", "--inbox", str(world.folder), *options],
        cwd=ROOT,
        env=environment(tmp_path, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def started(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if json.loads(line)["event"] == "started":
            return
    raise AssertionError("it ended before it had started")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_at_now_serves_what_comes_and_stops_cleanly(
    tmp_path: Path, world: InboxWorld, number: signal.Signals
) -> None:
    world.post("p", world.medium(1))
    world.mention("old", parent_id="p")
    with running(tmp_path, world) as process:
        started(process)
        until(lambda: (tmp_path / "data" / "state.sqlite3").exists())
        time.sleep(0.5)
        world.mention("new", parent_id="p", author="bob")
        until(world.replies)
        before = time.monotonic()
        process.send_signal(number)
        assert process.wait(5) == 0
        assert time.monotonic() - before < 5
    assert [reply["in_reply_to"] for reply in world.replies()] == ["new"]


def test_the_engine_is_started_only_where_something_is_to_be_done(tmp_path: Path, world: InboxWorld) -> None:
    world.mention("m", world.medium(1))
    said = []
    for _ in range(2):
        with running(tmp_path, world, "--until-idle", WATCH__FIRST_START="all") as process:
            said.append(process.communicate(timeout=60))
            assert process.returncode == 0
    assert ["engine: " in err for _, err in said] == [True, False]
    assert "Nothing is new" in said[1][0]
    assert len(world.replies()) == 1


def test_it_stops_in_time_with_an_engine_that_never_answers_and_goes_on_later(
    tmp_path: Path, world: InboxWorld
) -> None:
    world.mention("m", world.medium(1))
    all_there_is = {"WATCH__FIRST_START": "all"}
    with running(tmp_path, world, slow=True, **all_there_is) as process:
        started(process)
        time.sleep(1)
        before = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(8) == 0
        assert time.monotonic() - before < 6
    assert world.replies() == []
    with running(tmp_path, world, "--until-idle", **all_there_is) as process:
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 0
    assert [reply["in_reply_to"] for reply in world.replies()] == ["m"]
    assert "1 answered" in out


def test_two_processes_do_not_share_a_data_folder(tmp_path: Path, world: InboxWorld) -> None:
    with running(tmp_path, world) as first:
        started(first)
        with running(tmp_path, world) as second:
            _, error = second.communicate(timeout=20)
            assert second.returncode == 2
            assert "another veritag process works in" in error


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def health(port: int) -> tuple[int, dict[str, Any]] | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError:
        return None


def test_health_shows_every_loop_and_names_what_fails(tmp_path: Path, world: InboxWorld) -> None:
    port = free_port()
    with running(tmp_path, world, WEB__ENABLED="true", WEB__PORT=port) as process:
        started(process)
        _, report = until(lambda: (found := health(port)) and found[0] == 200 and found)
        names = {check["name"] for check in report["checks"]}
        assert {"watcher:inbox", "resolver", "analyst", "responder:inbox", "store", "engine"} <= names
        world.folder.joinpath("mentions.jsonl").rename(world.folder / "moved.jsonl")
        (world.folder / "mentions.jsonl").mkdir()
        _, report = until(lambda: (found := health(port)) and found[0] == 503 and found)
        (failing,) = [check for check in report["checks"] if not check["ok"]]
        assert failing["name"] == "watcher:inbox"
        assert "mentions.jsonl" in failing["detail"]
        (world.folder / "mentions.jsonl").rmdir()
        world.folder.joinpath("moved.jsonl").rename(world.folder / "mentions.jsonl")
        until(lambda: (found := health(port)) and found[0] == 200)


def test_with_the_brake_on_everything_is_prepared_and_nothing_leaves(
    tmp_path: Path, world: InboxWorld
) -> None:
    world.mention("m", world.medium(1))
    everything = {"WATCH__FIRST_START": "all"}
    for brake, replies in ((True, 0), (False, 1)):
        with running(tmp_path, world, "--until-idle", MANNERS__STOP_POSTING=brake, **everything) as process:
            process.communicate(timeout=20)
            assert process.returncode == 0
        assert len(world.replies()) == replies


def test_status_and_review_speak_of_what_was_done(tmp_path: Path, world: InboxWorld) -> None:
    medium = world.medium(1)
    world.mention("m", medium)
    world.mention("gone", parent_id="nowhere", author="bob")
    options = {"WATCH__FIRST_START": "all", "PLATFORMS": "inbox", "INBOX__FOLDER": world.folder}

    def veritag(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(slow=False), *arguments],
            cwd=ROOT,
            env=environment(tmp_path, **options),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    veritag("run", "--until-idle")
    report = json.loads(veritag("status", "--json"))
    assert report["mentions"]["answered"] == 1
    assert [(each["mention"], each["reason"]) for each in report["failed"]] == [("gone", "post_gone")]
    assert "post_gone" in veritag("status")
    for label in ("real", "fake"):
        told = veritag("review", str(world.folder / medium), "--label", label, "--reviewer", "ann")
    assert "a correction to @ann is queued" in told.lower()
    veritag("run", "--until-idle")
    assert len([reply for reply in world.replies() if reply["in_reply_to"] == "m"]) >= 2
