"""Killed at every state change and started again, the bot ends with exactly one reply to each mention."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from state.model import MentionState, Mode
from state.store import Store
from tests.bot.killing import MODES, fork
from tests.bot.world import InboxWorld, busy_inbox

ROOT = Path(__file__).parents[2]
SIDE_BY_SIDE = 2


def outcomes(data_dir: Path, mode: Mode) -> dict[str, str]:
    store = Store(data_dir / "state.sqlite3", mode)
    found = {}
    for mention in store.mentions.in_state(*MentionState):
        told = mention.state in {MentionState.FAILED, MentionState.IGNORED}
        found[mention.post.platform_id] = f"{mention.state}:{mention.reason}" if told else mention.state
    store.close()
    return found


def check(folder: Path, expected: dict[str, str], mode: str) -> None:
    """Every mention has its outcome, and everyone who deserves a reply has one."""
    test_mode = mode == "test"
    found = outcomes(folder / "data", Mode.TEST if test_mode else Mode.LIVE)
    assert found == expected
    inbox = InboxWorld(folder / "inbox", exist_ok=True)
    replies = inbox.replies(folder / "data" / "simulated" / "inbox.jsonl" if test_mode else None)
    assert not test_mode or inbox.replies() == []
    deserving = {name for name, outcome in expected.items() if not outcome.startswith("ignored")}
    assert Counter(reply["in_reply_to"] for reply in replies) == dict.fromkeys(deserving, 1)


def run_lives(folder: Path, mode: str, points: Sequence[int]) -> list[dict[str, int]]:
    """Lives and second lives for these points, in a few programs side by side."""
    programs = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.bot.killing",
                str(folder),
                mode,
                *map(str, points[n::SIDE_BY_SIDE]),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        for n in range(min(SIDE_BY_SIDE, len(points)))
    ]
    told = []
    for program in programs:
        lines, _ = program.communicate(timeout=280)
        assert program.returncode == 0
        told += [json.loads(line) for line in lines.splitlines()]
    assert len(told) == len(points)
    return told


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", MODES)
def test_killed_at_every_state_change_it_ends_with_one_reply_each(tmp_path: Path, mode: str) -> None:
    (whole,) = run_lives(tmp_path, mode, [0])
    _, expected = busy_inbox(tmp_path / "expected")
    assert (whole["killed"], whole["ended"]) == (0, 0)
    check(tmp_path / "0", expected, mode)
    assert whole["passed"] > 40

    told = run_lives(tmp_path, mode, range(1, whole["passed"] + 1))

    for life in told:
        assert life["ended"] == 0, life
        check(tmp_path / str(life["point"]), expected, mode)
    # The threads' turns differ from life to life: one that took fewer points came to its end before its own.
    assert all(life["killed"] == -9 or life["passed"] < life["point"] for life in told)
    assert sum(life["killed"] == -9 for life in told) > 40


def test_killed_again_and_again_it_still_ends(tmp_path: Path) -> None:
    world, expected = busy_inbox(tmp_path / "inbox")
    codes = [
        fork(world.folder, tmp_path / "data", "forgetful", die_at)[0]
        for die_at in (3, 5, 8, 13, 6, 9, 12, 7, 15, 11, 10, 14)
    ]
    assert codes.count(-9) >= 5
    assert fork(world.folder, tmp_path / "data", "forgetful")[0] == 0
    check(tmp_path, expected, "forgetful")


def test_a_second_run_finds_nothing_new_and_posts_nothing(tmp_path: Path) -> None:
    world, expected = busy_inbox(tmp_path / "inbox")
    for _ in range(2):
        assert fork(world.folder, tmp_path / "data", "forgetful")[0] == 0
        check(tmp_path, expected, "forgetful")


def test_what_was_simulated_is_answered_by_a_live_run(tmp_path: Path) -> None:
    world, expected = busy_inbox(tmp_path / "inbox")
    assert fork(world.folder, tmp_path / "data", "test")[0] == 0
    check(tmp_path, expected, "test")
    assert fork(world.folder, tmp_path / "data", "live")[0] == 0
    check(tmp_path, expected, "live")
