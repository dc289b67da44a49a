"""How long a look-up of near copies takes in a state file that knows many media.

    python -m benchmarks.recall [--media 100000] [--lookups 300]

Fills a state file with made-up media: the pieces of their hashes are drawn from so many values that two media
share one as often as two photographs were found to (1015 of 2,614,041 pairs), each with a sketch of the usual
size. Looked up are media that are there, with half of the pieces changed, and such that are not. Reported:
time of the look-up with its candidates' sketches fetched, and of confirming one sketch.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console

from analysis.model import Kind, Probe
from analysis.perceptual import PIECE_BITS, Sketch, is_copy, likeness_of
from bot.recall import MOST_CANDIDATES
from state.model import AnalysisRow, LikenessRow, Mode, PostMedium
from state.store import Store

VALUES = round(16 * 2_614_041 / 1015)
BATCH = 1000


def made_up(chance: random.Random) -> tuple[int, ...]:
    """The pieces of a medium that nobody has."""
    return tuple(place << PIECE_BITS | chance.randrange(VALUES) for place in range(16))


def fill(store: Store, media: int, sketch: bytes, chance: random.Random) -> list[tuple[int, ...]]:
    """Store so many media; returns the pieces of each."""
    known = [made_up(chance) for _ in range(media)]
    for start in range(0, media, BATCH):
        with store.transaction():
            for number in range(start, min(start + BATCH, media)):
                sha256 = f"{number:064x}"
                store.media.save(PostMedium("", sha256=sha256, mime="image/jpeg", size=1))
                likeness = LikenessRow(known[number], sketch)
                store.media.save_analysis(AnalysisRow(sha256, "f", "image", likeness=likeness))
    return known


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--media", type=int, default=100_000)
    parser.add_argument("--lookups", type=int, default=300)
    given = parser.parse_args()
    chance = random.Random(1)
    pixels = np.random.default_rng(1).integers(0, 255, (40, 40, 3), np.uint8).repeat(10, 0).repeat(10, 1)
    likeness = likeness_of([pixels], Probe(Kind.IMAGE, "image/png", 0))
    assert likeness is not None
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.sqlite3"
        store = Store(path, Mode.LIVE)
        known = fill(store, given.media, likeness.sketch, chance)
        times: dict[str, list[float]] = {"known": [], "unknown": []}
        for _ in range(given.lookups):
            number = chance.randrange(len(known))
            asked = {"known": known[number][:8] + made_up(chance)[8:], "unknown": made_up(chance)}
            for name, pieces in asked.items():
                start = time.perf_counter()
                found = list(store.likenesses.candidates(LikenessRow(pieces, b""), "f", MOST_CANDIDATES))
                times[name].append(1000 * (time.perf_counter() - start))
                assert name == "unknown" or found[0].sha256 == f"{number:064x}"
        store.close()
        size = path.stat().st_size / 1e6
        console.print(f"{given.media} media, {size:.0f} MB, sketches of {len(likeness.sketch)} bytes")
    for name, taken in times.items():
        tail = statistics.quantiles(taken, n=100)[98]
        console.print(
            f"look-up, {name}: median {statistics.median(taken):.2f} ms, 99th percentile {tail:.2f} ms"
        )
    sketch = Sketch.unpack(likeness.sketch)
    start = time.perf_counter()
    for _ in range(100):
        is_copy(sketch, Sketch.unpack(likeness.sketch))
    console.print(f"confirming one sketch: {10 * (time.perf_counter() - start):.2f} ms")


if __name__ == "__main__":
    main()
