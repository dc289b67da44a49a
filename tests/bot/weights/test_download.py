"""Large files from plain URLs: what breaks off goes on, and nothing is mixed."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from bot.errors import FetchFailed
from bot.weights.download import ATTEMPTS, download
from detectors.errors import NoRoom
from tests.bot.resolver.server import Server, answer, in_turn, redirect
from tests.bot.weights.serving import plain, ranged

BODY = random.Random(3).randbytes(300_000)


class Waits:
    """Sleeps that are only noted."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def fetched(
    server: Server, target: Path, **options: Any
) -> tuple[bytes, list[tuple[int, int | None]], Waits]:
    seen: list[tuple[int, int | None]] = []
    waits = Waits()
    download(server.url("/f"), target, lambda done, total: seen.append((done, total)), sleep=waits, **options)
    return target.read_bytes(), seen, waits


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "downloads" / "file.pth"


def test_a_file_comes_whole_and_leaves_nothing_else(server: Server, target: Path) -> None:
    server.handlers["/f"] = ranged(BODY)
    body, seen, waits = fetched(server, target)
    assert body == BODY
    assert (seen[0], seen[-1]) == ((0, len(BODY)), (len(BODY), len(BODY)))
    assert [path.name for path in target.parent.iterdir()] == ["file.pth"]
    assert waits.seconds == []


def test_a_broken_connection_is_taken_up_where_it_broke(server: Server, target: Path) -> None:
    server.handlers["/f"] = ranged(BODY, most=100_000)
    body, seen, waits = fetched(server, target)
    assert body == BODY
    assert [request.headers.get("range") for request in server.requests] == [
        None,
        "bytes=100000-",
        "bytes=200000-",
    ]
    assert {request.headers.get("if-range") for request in server.requests[1:]} == {'"v1"'}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert waits.seconds == [1.0, 1.0]


def test_a_later_call_goes_on_where_an_earlier_one_ended(server: Server, target: Path) -> None:
    server.handlers["/f"] = in_turn(ranged(BODY, most=120_000), ranged(BODY, most=0))
    with pytest.raises(FetchFailed, match=r"broke off .*, 5 times; run the same command again: it goes on"):
        fetched(server, target)
    assert target.with_name("file.pth.part").stat().st_size == 120_000
    asked = len(server.requests)
    assert asked == ATTEMPTS + 1
    server.handlers["/f"] = ranged(BODY)
    body, seen, _ = fetched(server, target)
    assert body == BODY
    assert seen[0] == (120_000, len(BODY))
    assert len(server.requests) == asked + 1


def test_another_version_begins_anew(server: Server, target: Path) -> None:
    server.handlers["/f"] = in_turn(
        ranged(b"x" * 300_000, etag='"old"', most=5000), ranged(BODY, etag='"new"')
    )
    assert fetched(server, target)[0] == BODY


def test_a_server_without_ranges_begins_anew(server: Server, target: Path) -> None:
    server.handlers["/f"] = in_turn(plain(BODY, most=100_000), plain(BODY))
    assert fetched(server, target)[0] == BODY
    assert "range" not in server.requests[1].headers


def test_without_a_version_only_a_file_of_known_hash_is_continued(server: Server, target: Path) -> None:
    server.handlers["/f"] = ranged(BODY, etag="", most=200_000)
    assert fetched(server, target, proven=True)[0] == BODY
    assert server.requests[1].headers["range"] == "bytes=200000-"


def test_an_answer_from_the_wrong_place_is_not_appended(server: Server, target: Path) -> None:
    shifted = answer(BODY[5:], status=206, headers=("Content-Range: bytes 5-299999/300000",))
    server.handlers["/f"] = in_turn(ranged(BODY, most=10), shifted, ranged(BODY))
    assert fetched(server, target)[0] == BODY


def test_a_part_longer_than_the_file_is_dropped(server: Server, target: Path) -> None:
    server.handlers["/f"] = in_turn(ranged(BODY, most=10), answer(b"", status=416), ranged(BODY))
    assert fetched(server, target)[0] == BODY


def test_a_server_that_can_not_now_is_asked_later(server: Server, target: Path) -> None:
    busy = answer(b"", status=503)
    patient = answer(b"", status=429, headers=("Retry-After: 7",))
    server.handlers["/f"] = in_turn(busy, busy, patient, ranged(BODY))
    body, _, waits = fetched(server, target)
    assert body == BODY
    assert waits.seconds == [2.0, 4.0, 7.0]


def test_redirects_are_followed(server: Server, target: Path) -> None:
    server.handlers |= {"/f": redirect("/there"), "/there": ranged(BODY, most=200_000)}
    assert fetched(server, target)[0] == BODY


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (
            answer(b"", status=404),
            r"is not there any more \(404\); get it by hand and use `veritag weights import`",
        ),
        (answer(b"", status=410), r"not there any more \(410\)"),
        (answer(b"", status=403), r"the server refuses it \(403\)"),
        (answer(b"<html>", headers=("Content-Type: text/html; charset=utf-8",)), "is a web page and no file"),
        (answer(b"x", headers=("Content-Encoding: gzip",)), "comes compressed"),
        (redirect("/f"), "leads nowhere"),
    ],
)
def test_what_no_second_try_mends_is_said_at_once(
    server: Server, target: Path, handler: Any, reason: str
) -> None:
    server.handlers["/f"] = handler
    with pytest.raises(FetchFailed, match=reason):
        fetched(server, target)
    assert not target.exists()


def test_a_server_that_is_not_there_is_named(target: Path) -> None:
    gone = Server()
    gone.stop()
    with pytest.raises(FetchFailed, match=rf"{gone.port}/f: it cannot be reached \(.*refused"):
        fetched(gone, target)


def test_a_full_disk_is_seen_before_and_while_writing(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.handlers["/f"] = ranged(BODY)
    target.parent.mkdir()
    part = target.with_name("file.pth.part")
    part.symlink_to("/dev/full")
    with pytest.raises(
        FetchFailed, match=r"part cannot be written: No space left on device; mend that, then"
    ):
        fetched(server, target)
    part.unlink()
    usage = shutil.disk_usage(target.parent)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(NoRoom, match=r"no room for file\.pth .* 0\.3 MB needed, 0\.0 MB free"):
        fetched(server, target)
