"""How fast mentions pass through the bot when the engine costs nothing: the frame's own work.

    python -m benchmarks.throughput [--mentions 10000] [--cores 2]

Each size runs in a process of its own, pinned to the cores: an inbox of that many mentions, the stand-in
analyzer, simulated replies on the disk. Reported: mentions a second from start to the last reply, and the
process's peak memory. That the rate does not fall with the backlog shows that every step is O(1) in it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.make_inbox import make_inbox

SIZES = (1_000, 3_000, 10_000)


class Quiet:
    """A spectator that looks away."""

    def loading(self, step: str) -> None:
        """Nothing is shown."""

    def closed(self, mention: object, reply: object) -> None:
        """Nothing is shown."""

    def idle(self, store: object, new: int) -> None:
        """Nothing is shown."""


def measure(inbox: Path, data_dir: Path) -> dict[str, float]:
    """Run the bot over an inbox to the end, in this process."""
    from analysis.stub import StubAnalyzer
    from bot import process
    from bot.config import Settings
    from bot.log import configure

    configure("warning")
    settings = Settings(
        data_dir=data_dir,
        test_mode=True,
        platforms=["inbox"],
        inbox={"folder": inbox},
        watch={"first_start": "all"},
        reply={"card": False},  # 0.1 s of a core each, whatever the bot does around it
        web={"enabled": False},
    )
    start = time.perf_counter()
    process.run(settings, Quiet(), until_idle=True, make_analyzer=lambda *_: StubAnalyzer())
    seconds = time.perf_counter() - start
    replies = sum(1 for _ in (data_dir / "simulated" / "inbox.jsonl").open())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "replies": replies, "peak_mb": peak, "torch": float("torch" in sys.modules)}


def one_size(mentions: int, cores: set[int]) -> dict[str, float]:
    """Measure in a fresh process on these cores."""
    with tempfile.TemporaryDirectory(prefix="veritag-") as folder:
        inbox, data_dir = Path(folder) / "inbox", Path(folder) / "data"
        make_inbox(inbox, mentions=mentions, media=min(500, mentions), askers=mentions, seed=1)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.throughput", "--measure", str(inbox), str(data_dir)],
            check=True,
            stdout=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return result


def main() -> None:
    """Measure each size and show the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mentions", type=int, help="only this size")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--measure", nargs=2, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(*arguments.measure)))
        return
    cores = set(sorted(os.sched_getaffinity(0))[: arguments.cores])
    table = Table("mentions", "seconds", "mentions/s", "peak MB", box=None, header_style="dim")
    for mentions in (arguments.mentions,) if arguments.mentions else SIZES:
        result = one_size(mentions, cores)
        if result["replies"] != mentions:
            sys.exit(f"{result['replies']:.0f} replies to {mentions} mentions")
        rate = mentions / result["seconds"]
        table.add_row(f"{mentions:,}", f"{result['seconds']:.1f}", f"{rate:.0f}", f"{result['peak_mb']:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
