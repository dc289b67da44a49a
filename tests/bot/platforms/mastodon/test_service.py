"""The real command on the stand-in: a stream wakes it, faults delay it, nobody is answered twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.standins.faults import Fault, FaultKind
from tests.bot.platforms.mastodon.world import MastodonWorld
from tests.bot.test_process import PROGRAM, ROOT, environment
from tests.bot.world import png

PATIENCE = 30.0


@contextmanager
def running(world: MastodonWorld, folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The service, which looks by itself once an hour."""
    settings = {
        "PLATFORMS": "mastodon",
        "MASTODON__URL": world.url,
        "MASTODON__ACCESS_TOKEN": world.stand_in.token,
        "MASTODON__REQUEST_TIMEOUT": 0.5,
        "WATCH__INTERVAL": 3600,
        "WATCH__FIRST_START": "all",
        "QUEUE__BACKOFF_BASE": 0.1,
        "FETCH__ALLOW_NETWORKS": "127.0.0.0/8",
        "FETCH__PORTS": world.url.rpartition(":")[2],
        "LOG__LEVEL": "debug",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(slow=False), "run", *options],
        cwd=ROOT,
        env=environment(folder, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def ask(world: MastodonWorld, seed: int) -> str:
    medium = world.network.upload(world.ann, png(seed))
    return world.network.post(world.ann, "@veritag real?", media=(medium.id,), language="en").id


def replies_to(world: MastodonWorld, post_id: str) -> int:
    return [reply.in_reply_to for reply in world.replies()].count(post_id)


def test_a_mention_is_answered_once_as_soon_as_it_is_made(ending: MastodonWorld, tmp_path: Path) -> None:
    with running(ending, tmp_path) as process:
        until(lambda: bool(ending.network.listeners))
        ending.stand_in.faults.add(Fault(FaultKind.TIMEOUT_AFTER, "POST /api/v1/statuses"))
        began = time.monotonic()
        asked = [ask(ending, seed) for seed in range(2)]
        until(lambda: all(replies_to(ending, each) for each in asked))
        assert time.monotonic() - began < 20
        process.send_signal(signal.SIGINT)
        _, logged = process.communicate(timeout=10)
    assert [replies_to(ending, each) for each in asked] == [1, 1]
    assert process.returncode == 0
    assert "mentions_stored" in logged
    assert ending.stand_in.token not in logged


def test_a_killed_bot_goes_on_where_it_was(ending: MastodonWorld, tmp_path: Path) -> None:
    """Killed while the server holds back the answer to a reply that already stands."""
    ending.network.quirks.ignores_keys = True
    with running(ending, tmp_path) as process:
        until(lambda: bool(ending.network.listeners))
        ending.stand_in.faults.add(Fault(FaultKind.TIMEOUT_AFTER, "POST /api/v1/statuses"))
        made = ask(ending, 1)
        until(lambda: replies_to(ending, made) == 1)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with running(ending, tmp_path, "--until-idle") as again:
        assert again.wait(PATIENCE) == 0
    assert replies_to(ending, made) == 1
