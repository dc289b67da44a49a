"""The reply log under crashes and company."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.errors import OutcomeUnknown, PlatformUnavailable
from bot.platforms.reply_log import ReplyLog
from tests.bot.platforms.contract import draft

ROOT = Path(__file__).parents[3]

APPENDER = """
import sys
from pathlib import Path
from bot.platforms.reply_log import ReplyLog
from tests.bot.platforms.contract import draft
log = ReplyLog(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    log.append(draft("p", key=f"key-{number}", text="x" * 300))
    print(number, flush=True)
"""


def appender(path: Path, first: int, last: int) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-c", APPENDER, str(path), str(first), str(last)]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE)


def keys(path: Path) -> list[str]:
    """The keys of the whole records; torn ones are not counted."""
    found = []
    for raw in path.read_bytes().split(b"\n"):
        try:
            found.append(json.loads(raw)["key"])
        except ValueError:
            continue
    return found


def test_a_record_holds_what_was_sent(tmp_path: Path) -> None:
    log = ReplyLog(tmp_path / "log.jsonl")
    sent = log.append(draft("post-1", text="línea\n«dos»", language="es"))
    (record,) = [json.loads(each) for each in (tmp_path / "log.jsonl").read_text("utf-8").splitlines()]
    assert record.pop("created_at").endswith("+00:00")
    assert record == {
        "id": sent.id,
        "key": "key-1",
        "in_reply_to": "post-1",
        "text": "línea\n«dos»",
        "language": "es",
        "image": None,
        "image_alt_text": None,
    }


def test_two_processes_append_at_once(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    both = [appender(path, 0, 60), appender(path, 30, 90)]
    for process in both:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert sorted(keys(path)) == sorted(f"key-{number}" for number in range(90))


def test_threads_share_one_log(tmp_path: Path) -> None:
    log = ReplyLog(tmp_path / "log.jsonl")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: log.append(draft("p", key=f"key-{number % 20}")), range(80)))
    assert sorted(keys(log.path)) == sorted(f"key-{number}" for number in range(20))


def test_kill_in_the_middle_of_appending(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    confirmed: set[str] = set()
    for first in (0, 2000, 4000):
        process = appender(path, first, first + 2000)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate(timeout=60)
        confirmed |= {f"key-{first}", *(f"key-{int(number)}" for number in rest.split())}
    assert confirmed <= set(keys(path))
    log = ReplyLog(path)
    for key in confirmed:
        log.append(draft("p", key=key))
    assert len(keys(path)) == len(set(keys(path)))


def test_a_record_torn_at_any_byte_neither_counts_nor_harms(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    ReplyLog(path).append(draft("p", key="first"))
    start = path.stat().st_size
    ReplyLog(path).append(draft("p", key="torn", text="é"))
    whole = path.read_bytes()
    for cut in range(start + 1, len(whole)):
        path.write_bytes(whole[:cut])
        log = ReplyLog(path)
        assert (log.find("torn") is not None) == (cut == len(whole) - 1)
        log.append(draft("p", key="torn", text="é"))
        log.append(draft("p", key="behind"))
        assert keys(path) == ["first", "torn", "behind"], cut


def test_a_log_that_was_taken_away_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = ReplyLog(path)
    log.append(draft("p"))
    path.unlink()
    assert log.find("key-1") is None
    log.append(draft("p"))
    assert keys(path) == ["key-1"]


def test_lines_of_other_kinds_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'\xff\n[]\n{"key": ["a"], "id": 1}\n{"key": "x"}\n7\n')
    log = ReplyLog(path)
    assert log.find("x") is None
    log.append(draft("p", key="x"))
    assert log.find("x") is not None


def test_an_append_reads_only_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(b'{"key": "k%d", "id": "r%d"}\n' % (n, n) for n in range(20_000)))
    log = ReplyLog(path)
    assert log.find("k19999") is not None
    before = _bytes_read()
    log.append(draft("p", key="new"))
    assert _bytes_read() - before < 20_000


def _bytes_read() -> int:
    return int(Path("/proc/self/io").read_text("ascii").split("rchar: ")[1].split()[0])


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = ReplyLog(tmp_path / "log.jsonl")
    log.append(draft("p", key="first"))
    real_write = os.write

    def half_then_full(file: int, raw: bytes) -> int:
        if len(raw) < 100:
            raise OSError(28, "No space left on device")
        return real_write(file, raw[:-50])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half_then_full)
        with pytest.raises(PlatformUnavailable, match="No space left"):
            log.append(draft("p", key="second"))
    assert log.find("second") is None
    assert log.path.read_bytes().count(b"\n") == 1


def test_a_disk_that_does_not_confirm_leaves_the_outcome_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = ReplyLog(tmp_path / "log.jsonl")
    log.append(draft("p", key="first"))

    def failing(file: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", failing)
        with pytest.raises(OutcomeUnknown, match="Input/output error"):
            log.append(draft("p", key="second"))
    assert log.find("second") is not None


def test_a_missing_folder_may_be_mended(tmp_path: Path) -> None:
    with pytest.raises(PlatformUnavailable, match="No such file"):
        ReplyLog(tmp_path / "missing" / "log.jsonl").append(draft("p"))
