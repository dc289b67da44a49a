"""Resolves and fetches many URLs at once, as a process of its own: `python -m tests.bot.resolver.crowd PLAN`.

PLAN is a JSON file: the URLs, the folder for media, the addresses behind names, the ports. Prints a JSON
object: what became of each URL, and what is still open in the end.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bot.errors import ResolveError
from bot.log import configure
from bot.resolver import FetchLimits, MediaStore, Resolver, Router
from bot.resolver.fetcher import GuardedFetcher
from bot.resolver.sites.table import YT_DLP, Route, SiteRecord
from bot.resolver.ytdlp.runner import YtDlp

LIMITS: dict[str, Any] = {
    "max_bytes": 2_000_000, "total_seconds": 30.0, "queue_seconds": 240.0, "connect_seconds": 3.0,
    "read_seconds": 2.0, "min_rate": 2000.0, "rate_window": 1.0, "per_host": 4, "backoff_seconds": 0.05,
}  # fmt: skip


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def main(plan_file: str) -> None:
    configure("warning")
    plan = json.loads(Path(plan_file).read_text("utf-8"))
    names: dict[str, list[str]] = plan["names"]

    def lookup(host: str, port: int) -> Sequence[str]:
        if host not in names:
            raise OSError("no such name")
        return names[host]

    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    limits = FetchLimits(**LIMITS, ports=frozenset(plan["ports"]))
    fetcher = GuardedFetcher(limits, allow_networks=plan["allowed"], lookup=lookup)
    extractor = YtDlp(fetcher.gate, children=2, extract_seconds=10.0)
    records = (SiteRecord("web", "", (Route("direct", same_server=True), YT_DLP)),)
    resolver = Resolver(
        fetcher, MediaStore(Path(plan["folder"])), Router(fetcher, extractor=extractor, records=records)
    )
    opened, threads = open_descriptors(), threading.active_count()
    began = time.monotonic()

    def one(url: str) -> str:
        try:
            stored = [resolver.fetch(ref, file_root=None) for ref in resolver.resolve(url).media]
        except ResolveError as error:
            return error.reason.value
        return f"media:{len(stored)}"

    threading.stack_size(512 * 1024)
    with ThreadPoolExecutor(len(plan["urls"])) as pool:
        results = list(pool.map(one, plan["urls"]))
    took = time.monotonic() - began
    left = [path.name for path in (Path(plan["folder"]) / "partial").iterdir()]
    report = {
        "results": results,
        "took": took,
        "descriptors": open_descriptors() - opened,
        "threads": threading.active_count() - threads,
        "left": left,
    }
    resolver.close()
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1])
