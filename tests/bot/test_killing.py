"""Killed at every state change and started again, the bot ends with exactly one reply to each mention."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from state.model import MentionState, Mode
from state.store import Store
from tests.bot.killing import one_life
from tests.bot.world import InboxWorld, busy_inbox


def outcomes(data_dir: Path, mode: Mode) -> dict[str, str]:
    store = Store(data_dir / "state.sqlite3", mode)
    found = {}
    for mention in store.mentions.in_state(*MentionState):
        told = mention.state in {MentionState.FAILED, MentionState.IGNORED}
        found[mention.post.platform_id] = f"{mention.state}:{mention.reason}" if told else mention.state
    store.close()
    return found


def check(world: InboxWorld, data_dir: Path, expected: dict[str, str], *, test_mode: bool) -> None:
    assert outcomes(data_dir, Mode.TEST if test_mode else Mode.LIVE) == expected
    simulated = data_dir / "simulated" / "inbox.jsonl"
    replies = world.replies(simulated if test_mode else None)
    assert not (world.folder / "replies.jsonl").exists() or not test_mode
    deserving = {name for name, outcome in expected.items() if not outcome.startswith("ignored")}
    assert Counter(reply["in_reply_to"] for reply in replies) == dict.fromkeys(deserving, 1)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("test_mode", "forgetful"),
    [(True, False), (False, False), (False, True)],
    ids=["test mode", "live", "platform without keys"],
)
def test_killed_at_every_state_change_it_ends_with_one_reply_each(
    tmp_path: Path, test_mode: bool, forgetful: bool
) -> None:
    world, expected = busy_inbox(tmp_path / "whole" / "inbox")
    whole = tmp_path / "whole" / "data"
    code, points = one_life(world.folder, whole, test_mode=test_mode, forgetful=forgetful)
    assert code == 0
    check(world, whole, expected, test_mode=test_mode)
    assert points > 40

    def kill_at(point: int) -> int | None:
        world, expected = busy_inbox(tmp_path / str(point) / "inbox")
        data_dir = tmp_path / str(point) / "data"
        killed, _ = one_life(world.folder, data_dir, test_mode=test_mode, forgetful=forgetful, die_at=point)
        code, _ = one_life(world.folder, data_dir, test_mode=test_mode, forgetful=forgetful)
        assert code == 0, point
        check(world, data_dir, expected, test_mode=test_mode)
        return killed

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as lives:
        killed = list(lives.map(kill_at, range(1, points + 1)))
    assert Counter(killed)[-9] >= points * 0.9  # the last points may not come: threads take turns


def test_killed_again_and_again_it_still_ends(tmp_path: Path) -> None:
    world, expected = busy_inbox(tmp_path / "inbox")
    data_dir = tmp_path / "data"
    lives = 0
    for die_at in (3, 5, 8, 13, 6, 9, 12, 7, 15, 11, 10, 14):
        code, _ = one_life(world.folder, data_dir, test_mode=False, die_at=die_at)
        lives += code == -9
    assert lives >= 5
    code, _ = one_life(world.folder, data_dir, test_mode=False)
    assert code == 0
    check(world, data_dir, expected, test_mode=False)


def test_a_second_run_finds_nothing_new_and_posts_nothing(tmp_path: Path) -> None:
    world, expected = busy_inbox(tmp_path / "inbox")
    data_dir = tmp_path / "data"
    for _ in range(2):
        code, _ = one_life(world.folder, data_dir, test_mode=False)
        assert code == 0
        check(world, data_dir, expected, test_mode=False)


def test_what_was_simulated_is_answered_by_a_live_run(tmp_path: Path) -> None:
    world, expected = busy_inbox(tmp_path / "inbox")
    data_dir = tmp_path / "data"
    assert one_life(world.folder, data_dir, test_mode=True)[0] == 0
    assert world.replies() == []
    assert one_life(world.folder, data_dir, test_mode=False)[0] == 0
    check(world, data_dir, expected, test_mode=False)
