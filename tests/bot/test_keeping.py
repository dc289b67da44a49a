"""How long media are kept, what stays, and what operators learn of changed sites."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.cli import edge
from bot.keeping import Keeper
from bot.resolver.base import Attempt
from bot.resolver.media_store import MediaStore
from bot.site_changes import note_changes, recent_changes
from state.model import Mode
from state.store import Store
from tests.bot.rig import Rig, rig
from tests.bot.world import png

DAY = 86_400


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as bot:
        yield bot


def keeper(bot: Rig, quota: int = 10**9, retention: float = 30 * DAY, *, reviewed: bool = True) -> Keeper:
    media = bot.flow._resolver.files
    return Keeper(bot.store, media, quota=quota, retention=retention, keep_reviewed=reviewed)


def answered(bot: Rig, *numbers: int) -> list[Path]:
    """The files of posts that were asked about and answered, oldest first, a day apart."""
    files = []
    for number in numbers:
        bot.world.post(f"p{number}", bot.world.medium(number))
        bot.world.mention(f"m{number}", parent_id=f"p{number}", author=f"asker{number}")
    bot.settle()
    for age, number in enumerate(reversed(numbers), 1):
        files.insert(0, path_of(bot, number))
        aged(files[0], age)
    return files


def path_of(bot: Rig, number: int) -> Path:
    import hashlib

    return bot.flow._resolver.path(hashlib.sha256(png(number)).hexdigest())


def aged(path: Path, days: float) -> None:
    moment = time.time() - days * DAY
    os.utime(path, (moment, moment))


def test_what_is_past_its_time_goes_and_its_analysis_stays(bot: Rig) -> None:
    first, second = answered(bot, 1, 2)
    aged(first, 31)
    swept = keeper(bot).sweep()
    assert (swept.removed, swept.files) == (1, 1)
    assert (first.exists(), second.exists()) == (False, True)
    assert bot.store.media.analysis(first.name) is not None
    assert bot.store.posts.media_of("inbox", "p1")[0].reason == "gone"
    bot.world.mention("again", parent_id="p1", author="eve")
    bot.settle()
    assert bot.end("again") == "answered"
    assert first.exists()


def test_over_the_quota_the_oldest_go_first(bot: Rig) -> None:
    files = answered(bot, 1, 2, 3, 4)
    size = sum(path.stat().st_size for path in files)
    swept = keeper(bot, quota=size - files[0].stat().st_size - 1).sweep()
    assert swept.removed == 2
    assert [path.exists() for path in files] == [False, False, True, True]
    assert swept.size == sum(path.stat().st_size for path in files[2:])


def test_what_is_needed_new_or_reviewed_stays_whatever_its_age(bot: Rig) -> None:
    done, reviewed = answered(bot, 1, 2)
    bot.world.post("p3", bot.world.medium(3))
    bot.world.mention("m3", parent_id="p3")
    bot.watch()
    bot.step(next(iter(bot.flow._steps)))  # resolve: its file is here, its analysis is not
    waiting = path_of(bot, 3)
    bot.store.reviews.add(reviewed.name, "fake", "", "ann")
    for path in (done, reviewed, waiting):
        aged(path, 1000)
    fresh = bot.flow._resolver.files.path("0" * 64)
    fresh.parent.mkdir()
    fresh.write_bytes(b"just brought, not yet committed")
    keeper(bot, quota=1).sweep()
    assert [path.exists() for path in (done, reviewed, waiting, fresh)] == [False, True, True, True]
    keeper(bot, quota=1, reviewed=False).sweep()
    assert [path.exists() for path in (reviewed, waiting)] == [False, True]


def test_a_repost_makes_a_file_young_again(bot: Rig) -> None:
    (file,) = answered(bot, 1)
    aged(file, 31)
    bot.world.post("p9", bot.world.medium(1))
    bot.world.mention("m9", parent_id="p9", author="zoe")
    bot.settle()
    assert keeper(bot).sweep().removed == 0
    assert file.exists()


def test_no_file_goes_that_was_just_found_there(tmp_path: Path) -> None:
    """Adopters and a remover at once: whoever was told that a file is there finds it there."""
    store = MediaStore(tmp_path)
    lost: list[str] = []
    removed: list[bool] = []
    stop = time.monotonic() + 1.0

    def adopt() -> None:
        while time.monotonic() < stop:
            with store.temporary() as temporary:
                temporary.write_bytes(b"the same bytes")
                began = time.monotonic()
                stored = store.adopt(temporary)
            there = stored.path.exists()
            if time.monotonic() - began < 0.01 and not there:
                lost.append(stored.sha256)
            time.sleep(0.03)

    def remove() -> None:
        while time.monotonic() < stop:
            removed.extend(
                store.remove(file.sha256, unless_touched_after=time.time() - 0.02)
                for file in store.contents()
            )

    threads = [threading.Thread(target=each) for each in (adopt, remove)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert True in removed
    assert False in removed
    assert lost == []


def attempt(site: str = "reddit", outcome: str = "site_changed") -> Attempt:
    return Attempt("https://r.example/1?token=secret", site, "api", outcome, "no title", 0.1)


def test_a_changed_site_is_told_once_an_hour(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.sqlite3", Mode.LIVE)
    now = 0.0
    watch = note_changes(store, lambda: now)
    for _ in range(3):
        watch(attempt())
    watch(attempt("tiktok"))
    watch(attempt(outcome="network"))
    now = 3601.0
    watch(attempt())
    found = {each["site"]: each for each in recent_changes(store)}
    assert {site: each["times"] for site, each in found.items()} == {"reddit": 2, "tiktok": 1}
    assert found["reddit"]["detail"] == "no title"
    assert "secret" not in json.dumps(list(found.values()))
    store.close()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with one old file and one changed site."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("VERITAG_")]:
        monkeypatch.delenv(name)
    store = Store(tmp_path / ".veritag" / "state.sqlite3", Mode.LIVE)
    note_changes(store)(attempt())
    store.close()
    media = MediaStore(tmp_path / ".veritag" / "media")
    with media.temporary() as temporary:
        temporary.write_bytes(png(1))
        stored = media.adopt(temporary)
    media.close()
    aged(stored.path, 1000)
    return stored.path


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = edge.run(list(arguments))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_operators_see_and_sweep(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "site changed: reddit/api, once in a week" in said(capsys, "status")[1]
    assert json.loads(said(capsys, "status", "--json")[1])["site_changes"][0]["times"] == 1
    usage = json.loads(said(capsys, "media", "usage", "--json")[1])
    assert (usage["files"], usage["bytes"], usage["removed"]) == (1, place.stat().st_size, 0)
    status, out, _ = said(capsys, "media", "sweep")
    assert (status, out.splitlines()[0].startswith("removed 1 files")) == (0, True)
    assert not place.exists()


def test_operators_delete_on_request(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = said(capsys, "media", "delete", place.name.upper())
    assert (status, out.strip(), place.exists()) == (0, f"deleted {place.name}", False)
    status, _, err = said(capsys, "media", "delete", place.name)
    assert (status, err.count("\n")) == (2, 1)
    status, _, err = said(capsys, "media", "delete", "../../etc/passwd")
    assert (status, err.count("\n")) == (2, 1)
