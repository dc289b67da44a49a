"""How long the console's pages take over a big state file.

    python -m benchmarks.console [DATA_DIR] [--mentions 100000] [--cores 2] [--rounds 15] [--browser CHROMIUM]

Without DATA_DIR a state file of so many mentions is made first (`benchmarks.make_state`). Each page is asked
for through the whole application, in this process, after one request that warms it up. With ``--browser``
also how long a real browser takes to the queue's first paint, and until its pictures are there.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.make_state import make_state

LIMIT_MS = 100.0


def pages(first: str) -> dict[str, str]:
    """The pages by name; `first` is the queue's, which tells what comes next."""
    today = datetime.now(UTC).date()
    since, until = today - timedelta(days=40), today - timedelta(days=33)
    following = re.search(r'rel="next" href="([^"]+)"', first)
    latest = re.search(r"/console/queue/news\?after=(\d+)", first)
    ids = re.findall(r'data-id="(\d+)"', first)
    assert following, "the queue has one page only; make more mentions"
    assert latest, "the queue does not ask for news"
    return {
        "queue": "/console",
        "queue, next page": following[1].replace("&amp;", "&"),
        "needs review": "/console?band=high&band=uncertain&state=answered&review=none",
        "uncertain first": "/console?review=none&order=doubt",
        "high reach first": "/console?reach=2&order=reach",
        "detectors disagree": "/console?spread=0.5&order=spread",
        "failed": "/console?state=failed",
        "one band": "/console?band=trusted",
        "four filters": "/console?band=high&platform=x&language=de&review=fake",
        "no row has both": "/console?state=ignored&language=es&order=doubt",
        "a week, a month ago": f"/console?since={since}&until={until}&order=doubt",
        "search, rare": "/console?q=asker77",
        "search, common": "/console?q=the+flood",
        "search and filter": "/console?q=storm&band=trusted&order=doubt",
        "news": f"/console/queue/news?after={latest[1]}",
        "rows again": "/console/queue/rows?" + "&".join(f"id={number}" for number in ids),
        "a mention": f"/console/mentions/{ids[0]}",
        "operations": "/console/operations",
        "detectors": "/console/detectors",
        "one detector": "/console/detectors/veritag_image",
        "bands, of 500 verdicts": "/console/calibration?high=1&low=50&latest=500",
    }


@contextmanager
def application(data_dir: Path) -> Iterator[Any]:
    """The console over a data folder, with a bot behind it that does nothing."""
    from analysis.stub import StubAnalyzer
    from bot.config import Settings
    from bot.log import configure
    from bot.parts import put_together
    from bot.web.serving import create_app

    configure("warning")
    with tempfile.TemporaryDirectory(prefix="veritag-") as folder:
        inbox = Path(folder)
        (inbox / "account.json").write_text('{"id": "bot", "handle": "veritag"}')
        (inbox / "mentions.jsonl").touch()
        settings = Settings(data_dir=data_dir, platforms=["inbox"], inbox={"folder": inbox})
        with put_together(settings, lambda *_: StubAnalyzer(), Event(), draws_cards=False) as parts:
            yield create_app(parts)


def measure(app: Any, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each page, one for each round."""
    from starlette.testclient import TestClient

    client = TestClient(app, base_url="http://127.0.0.1:8080", client=("127.0.0.1", 50_000))
    found: dict[str, list[float]] = {}
    for name, address in pages(client.get("/console").text).items():
        for number in range(rounds + 1):
            start = time.perf_counter()
            answer = client.get(address)
            taken = 1000 * (time.perf_counter() - start)
            if answer.status_code != 200:
                raise SystemExit(f"{address} gave HTTP {answer.status_code}")
            if number:
                found.setdefault(name, []).append(taken)
    return found


def first_paint(app: Any, chromium: str) -> tuple[float, float]:
    """Milliseconds to the first contentful paint, and until nothing more is loaded: medians of five."""
    from playwright.sync_api import sync_playwright

    from bot.web.server import WebServer

    painted, loaded = [], []
    with WebServer(app, port=0) as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(5):
            page = browser.new_context(viewport={"width": 1366, "height": 900}).new_page()
            start = time.perf_counter()
            page.goto(f"http://127.0.0.1:{server.port}/console", wait_until="networkidle")
            # The driver calls it idle when nothing was loaded for half a second.
            loaded.append(1000 * (time.perf_counter() - start) - 500)
            script = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            painted.append(page.evaluate(script))
            page.context.close()
        browser.close()
    return statistics.median(painted), statistics.median(loaded)


def main() -> int:
    """Measure and show; exit 1 where a median is over the limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data_dir", type=Path, nargs="?")
    parser.add_argument("--mentions", type=int, default=100_000)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--browser", metavar="CHROMIUM", help="measure the first paint in this browser, too")
    given = parser.parse_args()
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: given.cores]))
    screen = Console()
    with ExitStack() as stack:
        data_dir = given.data_dir
        if data_dir is None:
            data_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="veritag-")))
            seconds = make_state(data_dir, mentions=given.mentions, pictures=100, seed=1)
            screen.print(f"{given.mentions:,} mentions made in {seconds:.0f} s")
        app = stack.enter_context(application(data_dir))
        table = Table("page", "median ms", "slowest ms", box=None, header_style="dim")
        times = measure(app, given.rounds)
        for name, taken in times.items():
            table.add_row(name, f"{statistics.median(taken):.0f}", f"{max(taken):.0f}")
        screen.print(table)
        if given.browser:
            painted, loaded = first_paint(app, given.browser)
            screen.print(f"first paint {painted:.0f} ms, all pictures there after {loaded:.0f} ms")
    return int(any(statistics.median(taken) > LIMIT_MS for taken in times.values()))


if __name__ == "__main__":
    sys.exit(main())
