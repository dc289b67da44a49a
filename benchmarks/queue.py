"""What the engine makes of a queue: its rate beside that of the bare network, and its memory over many media.

    python -m benchmarks.queue [--detector ladeda] [--media 200] [--cores 2]
    python -m benchmarks.queue --memory 1000 [--detector tiny_ladeda]

The bare network is the same runner on inputs that are ready, at the engine's batch, right before and right
after. Pictures are made up, each another; weights that are not here are random, which costs the same.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

SIDE = 512


def pictures(folder: Path, count: int) -> list[Path]:
    """So many JPEG files, each of another soft noise."""
    from PIL import Image

    paths = []
    for number in range(count):
        coarse = np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        path = folder / f"{number}.jpg"
        Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(path, quality=90)
        paths.append(path)
    return paths


def engine(name: str, threads: int) -> Any:
    """The engine with one detector."""
    from analysis.engine import EmbeddedAnalyzer
    from analysis.ensemble import create_policy
    from benchmarks.detectors import build
    from detectors.backends import Choice

    analyzer = EmbeddedAnalyzer(
        [build(name)],
        create_policy("vote"),
        torch_threads=threads,
        queue_size=256,
        choice=Choice(threads=threads),
    )
    analyzer.warm_up()
    return analyzer


def bare_rate(analyzer: Any, count: int) -> float:
    """Inputs a second through the network alone, at the engine's batch."""
    import torch

    from analysis.batching import MOST_ITEMS
    from detectors.backends.choosing import example

    (member,) = analyzer._members
    batch = example(member.detector).repeat(MOST_ITEMS // 2, *[1] * (example(member.detector).ndim - 1))
    with torch.inference_mode():
        member.run(batch)
        start = time.perf_counter()
        for first in range(0, count, MOST_ITEMS):
            member.run(batch[: min(MOST_ITEMS, count - first)])
    return count / (time.perf_counter() - start)


def queued_rate(analyzer: Any, paths: list[Path]) -> float:
    """Media a second from the first that is handed in to the last verdict."""
    start = time.perf_counter()
    for future in [analyzer.submit(path) for path in paths]:
        future.result()
    return len(paths) / (time.perf_counter() - start)


def rates(name: str, media: int, threads: int) -> dict[str, Any]:
    """Both rates, the bare one as the mean of before and after."""
    import torch

    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory(prefix="veritag-") as folder:
        paths = pictures(Path(folder), media)
        analyzer = engine(name, threads)
        queued_rate(analyzer, paths[:8])
        before = bare_rate(analyzer, media)
        queued = queued_rate(analyzer, paths)
        bare = (before + bare_rate(analyzer, media)) / 2
        runner = analyzer._members[0].runner
        analyzer.close()
    return {"detector": name, "runner": runner, "media": media, "bare": bare, "queued": queued}


def memory(name: str, media: int, threads: int, parts: int = 10) -> Iterator[tuple[int, float]]:
    """The process's resident memory in MB after each tenth of the media, children not counted."""
    import psutil

    own = psutil.Process()
    with tempfile.TemporaryDirectory(prefix="veritag-") as folder:
        paths = pictures(Path(folder), 50)
        analyzer = engine(name, threads)
        for part in range(1, parts + 1):
            for first in range(0, media // parts, 50):
                queued_rate(analyzer, paths[: min(50, media // parts - first)])
            gc.collect()
            yield part * media // parts, own.memory_info().rss / 1e6
        analyzer.close()


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detector", default="ladeda")
    parser.add_argument("--media", type=int, default=200)
    parser.add_argument("--memory", type=int, metavar="MEDIA", help="measure memory over so many instead")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: arguments.cores]))
    console = Console()
    if arguments.memory:
        table = Table("media", "MB", box=None, header_style="dim")
        for count, megabytes in memory(arguments.detector, arguments.memory, arguments.cores):
            table.add_row(f"{count:,}", f"{megabytes:.0f}")
        console.print(table)
        return
    result = rates(arguments.detector, arguments.media, arguments.cores)
    if arguments.json:
        print(json.dumps(result))
        return
    share = result["queued"] / result["bare"]
    console.print(
        f"{result['detector']} ({result['runner']}), {result['media']} media at once: "
        f"{result['queued']:.1f} media/s, the bare network {result['bare']:.1f}/s: {share:.0%}"
    )


if __name__ == "__main__":
    main()
