"""The inbox for throughput measurements: complete, valid, distinct, and never over somebody's files."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.make_inbox import make_inbox

ROOT = Path(__file__).parents[2]


def test_every_mention_leads_to_a_readable_medium(tmp_path: Path) -> None:
    make_inbox(tmp_path, mentions=40, media=7, askers=40, seed=1)
    mentions = [json.loads(line) for line in (tmp_path / "mentions.jsonl").read_text("utf-8").splitlines()]
    assert len({mention["id"] for mention in mentions}) == 40
    assert len({mention["author"]["id"] for mention in mentions}) == 40
    contents = set()
    for mention in mentions:
        post = json.loads((tmp_path / "posts" / f"{mention['parent_id']}.json").read_text("utf-8"))
        [attachment] = post["attachments"]
        contents.add((tmp_path / attachment["file"]).read_bytes())
        with Image.open(tmp_path / attachment["file"]) as picture:
            picture.load()
            assert (picture.format, picture.size) == ("PNG", (64, 64))
    assert len(contents) == len(list((tmp_path / "media").iterdir())) == 7


def test_mentions_are_in_order_and_recent(tmp_path: Path) -> None:
    make_inbox(tmp_path, mentions=10, media=1, askers=1, seed=1)
    lines = (tmp_path / "mentions.jsonl").read_text("utf-8").splitlines()
    times = [datetime.fromisoformat(json.loads(line)["created_at"]) for line in lines]
    assert times == sorted(times)
    assert timedelta(0) <= datetime.now(UTC) - times[-1] < timedelta(minutes=5)


def test_the_same_seed_gives_the_same_media(tmp_path: Path) -> None:
    made = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        make_inbox(tmp_path / name, mentions=1, media=3, askers=1, seed=seed)
        made.append([path.read_bytes() for path in sorted((tmp_path / name / "media").iterdir())])
    assert made[0] == made[1]
    assert made[0] != made[2]


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep", "utf-8")
    with pytest.raises(FileExistsError, match="not empty"):
        make_inbox(tmp_path, mentions=1, media=1, askers=1, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("arguments", [["--mentions", "0"], ["--media", "-3"], ["--mentions", "many"]])
def test_bad_numbers_end_in_exit_2_without_a_traceback(tmp_path: Path, arguments: list[str]) -> None:
    command = [sys.executable, "benchmarks/make_inbox.py", str(tmp_path / "inbox"), *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "inbox").exists()
