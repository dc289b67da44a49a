"""The edge: exit statuses, one line on standard error, and what is never imported."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from analysis.errors import ConfigurationError, EngineFailed
from bot.cli import edge
from bot.errors import AlreadyRunning, ConfigError, PlatformUnavailable, ResolveError, ResolveFailure
from detectors.errors import UnknownDetector, WeightsMissing

ROOT = Path(__file__).parents[3]


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def invoke(arguments: list[str], *, debug: bool) -> int:
        raise error

    monkeypatch.setattr(edge, "_invoke", invoke)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError("web.port: bad; use 1"), 2),
        (AlreadyRunning("another one runs; end it"), 2),
        (ConfigurationError("no such policy; use vote"), 2),
        (UnknownDetector("x", ("y",)), 2),
        (ResolveError(ResolveFailure.GONE, "it is gone"), 2),
        (EngineFailed("broken; try again"), 1),
        (PlatformUnavailable("no answer; try later"), 1),
        (WeightsMissing("x"), 1),
    ],
)
def test_known_errors_are_one_line_in_their_own_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, status: int
) -> None:
    raising(monkeypatch, error)
    assert edge.run([]) == status
    captured = capsys.readouterr()
    assert captured.err == f"veritag: {error}\n"
    assert captured.out == ""


def test_unknown_errors_are_one_line_with_a_hint_and_a_traceback_on_demand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, ZeroDivisionError("first\nsecond"))
    assert edge.run([]) == 1
    err = capsys.readouterr().err
    assert err == "veritag: internal error (ZeroDivisionError: first second); --debug shows where\n"
    assert edge.run(["check", "--debug"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.endswith("veritag: internal error (ZeroDivisionError: first second)\n")


def test_messages_hold_no_secrets_and_nothing_that_terminals_obey(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, PlatformUnavailable("https://a.example/?key=hunter2 \x1b[2J token=hunter2"))
    edge.run([])
    err = capsys.readouterr().err
    assert "hunter2" not in err
    assert "\x1b" not in err


def test_the_system_words_for_a_full_disk(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, OSError(28, "No space left on device", "/data/x"))
    assert edge.run([]) == 1
    assert "no space left on device (/data/x)" in capsys.readouterr().err


def test_an_interruption_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, KeyboardInterrupt())
    assert edge.run([]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "rest", "debug"),
    [
        ([], [], False),
        (["check", "--debug", "x"], ["check", "x"], True),
        (["--debug", "check"], ["check"], True),
        (["check", "--", "--debug"], ["check", "--", "--debug"], False),
    ],
)
def test_debug_may_stand_anywhere(arguments: list[str], rest: list[str], debug: bool) -> None:
    assert edge.split_debug(arguments) == (rest, debug)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["nosuch"], 2, "nosuch"),
        (["check"], 2, "INPUT"),
        (["check", "--nosuch"], 2, "--nosuch"),
        (["config", "--json", "--toml"], 2, "exclude each other"),
        (["--config", "/nowhere.toml", "config"], 2, "/nowhere.toml"),
        (["config", "--config", "/nowhere.toml"], 2, "/nowhere.toml"),
        (["run", "--inbox"], 2, "--inbox"),
        (["check", "--policy", "nonsense", "x"], 2, "--policy"),
        (["train", "tiny_ladeda"], 2, "--data"),
    ],
)
def test_usage_and_configuration_faults_are_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, words: str
) -> None:
    assert edge.run(arguments) == status
    captured = capsys.readouterr()
    assert captured.err.startswith("veritag: ")
    assert captured.err.count("\n") == 1
    assert words in captured.err
    assert captured.out == ""


LIGHT = """
import sys
from bot.cli.edge import run
status = run(sys.argv[1:])
heavy = {"torch", "numpy", "PIL", "av", "timm", "fastapi", "uvicorn"} & sys.modules.keys()
print(sorted(heavy), file=sys.stderr)
sys.exit(status)
"""


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--version"], 0),
        (["--help"], 0),
        (["config"], 0),
        (["check", "--help"], 0),
        (["resolve", "ftp://x"], 2),
    ],
)
def test_light_commands_are_light_and_quick(arguments: list[str], status: int) -> None:
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    took = time.monotonic() - begun
    assert (done.returncode, done.stderr.splitlines()[-1]) == (status, "[]")
    assert done.stdout or status
    assert took < 6, "under 2 s on a machine with nothing else to do"


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert edge.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("veritag ")
    assert edge.run([]) == 0
    everything = capsys.readouterr().out
    assert [
        name for name in ["check", "run", "resolve", "detectors", "config"] if name not in everything
    ] == []


def test_a_reader_that_leaves_is_no_failure_worth_a_word() -> None:
    command = (
        f"{sys.executable} -m bot.cli config --markdown | head -c 10 >/dev/null; exit ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode in {0, 1}


def test_output_does_not_fail_on_a_poor_locale() -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-m", "bot.cli", "check", "/nowhere/\u00e9"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "no_such_file" in done.stdout
    assert done.stderr == ""
