"""A bot on Bluesky that is killed with SIGKILL at random instants, and started again each time.

The program imports everything and forks one child for each life. A child is `bot.process.run`, all of the
service but the detectors; the parent kills it from outside, wherever it happens to be.

    python -m tests.bot.platforms.bluesky.living SETTINGS.json LIVES SEED

SETTINGS.json holds the sections of the configuration. After LIVES killed lives, and once standard input has
ended, one goes on until nothing is left to do. Prints one JSON object a life: {"began", "ended"}.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import bot.flow
import bot.platforms.bluesky
import bot.resolver.fetcher
import bot.resolver.router  # noqa: F401 - these are imported here and not in every life
from analysis.stub import StubAnalyzer
from bot import process
from bot.config import Settings
from bot.log import configure
from tests.bot.killing import Quiet

SHORTEST, LONGEST = 0.1, 3.0
LAST_LIFE = 60.0


def live(sections: dict[str, Any], *, until_idle: bool) -> None:
    process.run(Settings(**sections), Quiet(), until_idle=until_idle, make_analyzer=lambda *_: StubAnalyzer())


def fork(sections: dict[str, Any], seconds: float, *, until_idle: bool = False) -> int:
    """Let a child live for so long; its exit code, -9 where it was killed."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            live(sections, until_idle=until_idle)
            code = 0
        finally:
            os._exit(code)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(settings: Path, lives: int, seed: int) -> None:
    sections, chance = json.loads(settings.read_text("utf-8")), random.Random(seed)
    for _ in range(lives):
        tell(sections, chance.uniform(SHORTEST, LONGEST))
    sys.stdin.read()
    tell(sections, LAST_LIFE, until_idle=True)


def tell(sections: dict[str, Any], seconds: float, *, until_idle: bool = False) -> None:
    began = time.time()
    print(json.dumps({"began": began, "ended": fork(sections, seconds, until_idle=until_idle)}), flush=True)


if __name__ == "__main__":
    configure("error")
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
