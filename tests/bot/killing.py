"""Bots that kill themselves with SIGKILL at a chosen point, and are started again.

Points are counted as they come: each commit to the state file (just before it), and each reply that is
written (just before and just after). This module is a program of its own: a process without threads that has
everything imported and forks one child for each life, so that hundreds of lives take seconds.

    python -m tests.bot.killing FOLDER MODE POINT [POINT ...]

For each point: a fresh inbox in FOLDER/POINT, a life that ends at that point (0: that lives to its end), and
a life after it. Prints one JSON object a point: {"point", "killed", "ended", "passed"}.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.stub import StubAnalyzer
from bot import process
from bot.config import Settings
from bot.log import configure
from bot.platforms.base import Draft, SentReply
from bot.platforms.reply_log import ReplyLog
from state.store import Store
from tests.bot.world import busy_inbox

MODES = ("test", "live", "forgetful")
LONGEST_LIFE = 30.0


class Points:
    """Counts points and dies at the chosen one; 0 lives to the end."""

    def __init__(self, die_at: int) -> None:
        self.die_at = die_at
        self.count = 0

    def reached(self) -> None:
        self.count += 1
        if self.count == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)


class Quiet:
    """A spectator that looks away."""

    def loading(self, step: str) -> None: ...

    def closed(self, mention: object, reply: object) -> None: ...

    def idle(self, store: object, new: int) -> None: ...


def settings_for(inbox: Path, data_dir: Path, *, test_mode: bool) -> Settings:
    """Settings of a bot that lives as fast as it can."""
    sections: dict[str, Any] = {
        "inbox": {"folder": inbox},
        "watch": {"interval": 0.05, "first_start": "all", "max_age_hours": 1e6},
        "analyst": {"interval": 0.05, "resolve_workers": 2, "in_flight": 2},
        "reply": {"interval": 0.05, "card": False},  # a card would start a decoding child in every life
        "queue": {"backoff_base": 0.05},
        "web": {"enabled": False},
    }
    return Settings(data_dir=data_dir, test_mode=test_mode, platforms=["inbox"], **sections)


def live(inbox: Path, data_dir: Path, mode: str, die_at: int) -> int:
    """One life of the bot, until everything is done or the chosen point; how many points it passed.

    In mode `forgetful` the platform writes every reply that it is given, as X does: it keeps no idempotency
    keys, and only reading back its replies before a second request can keep them from doubling.
    """
    points = Points(die_at)
    commit, append, find = Store._commit, ReplyLog.append, ReplyLog.find

    def counted_commit(self: Store, connection: sqlite3.Connection) -> None:
        points.reached()
        commit(self, connection)

    def counted_append(self: ReplyLog, draft: Draft) -> SentReply:
        points.reached()
        if mode == "forgetful":
            draft = replace(draft, key=f"{draft.key}/{uuid.uuid4()}")
        sent = append(self, draft)
        points.reached()
        return sent

    def find_any(self: ReplyLog, key: str) -> SentReply | None:
        find(self, key)
        return next((SentReply(id_) for known, id_ in self._ids.items() if known.startswith(key)), None)

    Store._commit = counted_commit  # type: ignore[method-assign]
    ReplyLog.append = counted_append  # type: ignore[method-assign]
    if mode == "forgetful":
        ReplyLog.find = find_any  # type: ignore[method-assign]
    settings = settings_for(inbox, data_dir, test_mode=mode == "test")
    process.run(settings, Quiet(), until_idle=True, make_analyzer=lambda *_: StubAnalyzer())
    return points.count


def fork(inbox: Path, data_dir: Path, mode: str, die_at: int = 0) -> tuple[int, int]:
    """Let a child live; its exit code (-9 where it was killed) and how many points it passed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reader)
            os.write(writer, str(live(inbox, data_dir, mode, die_at)).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    deadline = time.monotonic() + LONGEST_LIFE
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise TimeoutError(f"a life with its end at {die_at} went on for {LONGEST_LIFE} s")
        time.sleep(0.005)
    with os.fdopen(reader) as told:
        return os.waitstatus_to_exitcode(ended[1]), int(told.read() or 0)


def lives(folder: Path, mode: str, points: Sequence[int]) -> Iterator[dict[str, int]]:
    """Kill and start again, at each of these points."""
    for point in points:
        world, _ = busy_inbox(folder / str(point) / "inbox")
        data_dir = folder / str(point) / "data"
        killed, passed = fork(world.folder, data_dir, mode, point)
        ended, _ = fork(world.folder, data_dir, mode)
        yield {"point": point, "killed": killed, "ended": ended, "passed": passed}


if __name__ == "__main__":
    configure("error")
    for told in lives(Path(sys.argv[1]), sys.argv[2], [int(point) for point in sys.argv[3:]]):
        print(json.dumps(told), flush=True)
