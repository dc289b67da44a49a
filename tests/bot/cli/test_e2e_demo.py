"""The demo as a newcomer sees it: the real command and engine over samples/inbox, killed midway or not."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[3]
SHARED = Path(os.environ.get("VERITAG_SHARED", ROOT.parent / "shared"))
EXPECTED = {
    name: entry["outcome"]
    for name, entry in json.loads((ROOT / "samples" / "expected.json").read_text()).items()
}


def command(data_dir: Path, *arguments: str) -> tuple[list[str], dict[str, str]]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VERITAG_")}
    environment = clean | {"VERITAG_DATA_DIR": str(data_dir), "OMP_NUM_THREADS": "1"}
    return [sys.executable, "-m", "bot.cli", "--config", "samples/demo.toml", *arguments], environment


def demo(data_dir: Path, kill_after: float | None = None) -> tuple[int, str]:
    """One run of `make demo`'s command; its exit code and what it printed."""
    arguments, environment = command(data_dir, "run", "--test-mode", "--until-idle")
    process = subprocess.Popen(
        arguments, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if kill_after is not None:
        time.sleep(kill_after)
        process.send_signal(signal.SIGKILL)
    out, _ = process.communicate(timeout=180)
    return process.returncode, out


def outcomes(data_dir: Path) -> dict[str, str]:
    from state.model import MentionState, Mode
    from state.store import Store

    store = Store(data_dir / "state.sqlite3", Mode.TEST)
    words = {"answered": "answered", "failed": "failure:{0}", "ignored": "ignored:{0}"}
    found = {
        mention.post.platform_id: words[mention.state].format(mention.reason)
        for mention in store.mentions.in_state(*MentionState)
    }
    store.close()
    return found


def replies(data_dir: Path) -> Counter[str]:
    lines = (data_dir / "simulated" / "inbox.jsonl").read_text("utf-8").splitlines()
    return Counter(json.loads(line)["in_reply_to"] for line in lines if line)


def check(data_dir: Path) -> None:
    assert outcomes(data_dir) == EXPECTED
    deserving = {name for name, outcome in EXPECTED.items() if not outcome.startswith("ignored")}
    assert replies(data_dir) == dict.fromkeys(deserving, 1)


def test_every_sample_ends_as_expected_and_a_second_run_posts_nothing(tmp_path: Path) -> None:
    start = time.monotonic()
    code, out = demo(tmp_path)
    assert code == 0, out
    assert time.monotonic() - start < 180
    check(tmp_path)
    assert f"{len(EXPECTED)} mentions: " in out
    start = time.monotonic()
    code, out = demo(tmp_path)
    assert code == 0
    assert "Nothing is new" in out
    assert time.monotonic() - start < 30
    check(tmp_path)
    assert not (ROOT / "samples" / "inbox" / "replies.jsonl").exists()


def test_killed_at_random_instants_the_demo_still_ends_with_one_reply_each(tmp_path: Path) -> None:
    instants = random.Random(2)
    for _ in range(4):
        code, out = demo(tmp_path, kill_after=instants.uniform(1.0, 6.0))
        assert code in {-signal.SIGKILL, 0}, out
    code, out = demo(tmp_path)
    assert code == 0, out
    check(tmp_path)


@pytest.mark.skipif(not (SHARED / "data" / "zoo").is_dir(), reason="needs ../shared (odd and broken files)")
def test_every_file_of_the_zoo_is_answered_or_named(tmp_path: Path) -> None:
    files = [str(file) for file in sorted((SHARED / "data" / "zoo").rglob("*")) if file.is_file()]
    arguments, environment = command(tmp_path, "check", "--json", *files)
    done = subprocess.run(
        arguments, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode in {0, 2}
    assert "Traceback" not in done.stdout + done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [item["input"] for item in told] == files
    for item in told:
        assert (item["error"] is None) == bool(item["media"]), item["input"]
