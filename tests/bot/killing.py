"""A bot in a child process that kills itself with SIGKILL at a chosen point; only its files survive.

Points are counted as they come: each commit to the state file (just before it), and each reply that is
written (just before and just after). Children are forked from a server that has everything imported, so that
hundreds of lives take seconds.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import uuid
from dataclasses import replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from sqlite_utils import Database

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.bot.killing_preload"])


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


def settings_for(inbox: Path, data_dir: Path, *, test_mode: bool) -> Any:
    """Settings of a bot that lives as fast as it can."""
    from bot.config import Settings

    return Settings(
        data_dir=data_dir,
        test_mode=test_mode,
        platforms=["inbox"],
        inbox={"folder": inbox},
        watch={"interval": 0.05, "first_start": "all", "max_age_hours": 1e6},
        analyst={"interval": 0.05, "resolve_workers": 2, "in_flight": 2},
        reply={"interval": 0.05},
        queue={"backoff_base": 0.05},
        web={"enabled": False},
        log={"level": "error"},
    )


def live(inbox: Path, data_dir: Path, test_mode: bool, forgetful: bool, die_at: int, counted: Any) -> None:
    """One life of the bot, until everything is done or the chosen point.

    A forgetful platform writes every reply that it is given, as X does: it keeps no idempotency keys, and only
    reading back its replies before a second request can keep them from doubling.
    """
    from analysis.stub import StubAnalyzer
    from bot import process
    from bot.log import configure
    from bot.platforms.base import SentReply
    from bot.platforms.reply_log import ReplyLog
    from state.store import Store

    points = Points(die_at)
    commit, append, find = Store._commit, ReplyLog.append, ReplyLog.find

    def counted_commit(self: Store, db: Database) -> None:
        points.reached()
        commit(self, db)

    def counted_append(self: ReplyLog, draft: Any) -> Any:
        points.reached()
        if forgetful:
            draft = replace(draft, key=f"{draft.key}/{uuid.uuid4()}")
        sent = append(self, draft)
        points.reached()
        return sent

    def find_any(self: ReplyLog, key: str) -> Any:
        find(self, key)
        return next((SentReply(id_) for known, id_ in self._ids.items() if known.startswith(key)), None)

    Store._commit = counted_commit  # type: ignore[method-assign]
    ReplyLog.append = counted_append  # type: ignore[method-assign]
    if forgetful:
        ReplyLog.find = find_any  # type: ignore[method-assign]
    configure("error")
    settings = settings_for(inbox, data_dir, test_mode=test_mode)
    process.run(settings, Quiet(), until_idle=True, make_analyzer=lambda _: StubAnalyzer())
    counted.value = points.count


def one_life(
    inbox: Path, data_dir: Path, *, test_mode: bool, forgetful: bool = False, die_at: int = 0
) -> tuple[int | None, int]:
    """Start a bot; its exit code (-9 where it was killed) and how many points it passed if it lived."""
    counted = CONTEXT.Value("i", 0)
    process: ForkServerProcess = CONTEXT.Process(
        target=live, args=(inbox, data_dir, test_mode, forgetful, die_at, counted), daemon=True
    )
    process.start()
    process.join(30)
    if process.exitcode is None:
        process.kill()
        process.join()
        return None, 0
    return process.exitcode, counted.value
