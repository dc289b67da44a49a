"""The credentials of the bot's accounts: private, renewed without a restart, never half written."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from bot.credentials import Credentials
from bot.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "credentials" / "x.json"


def test_no_file_is_no_secrets(file: Path) -> None:
    assert Credentials(file).all() == {}
    assert Credentials(file, {"token": "a"}).all() == {"token": "a"}


def test_what_is_stored_is_read_by_nobody_else(file: Path) -> None:
    Credentials(file).store(token="secret")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["x.json"]
    assert Credentials(file).all() == {"token": "secret"}


def test_what_is_stored_by_another_is_used_without_a_restart(file: Path) -> None:
    bot, command = Credentials(file), Credentials(file)
    bot.store(token="old", secret="kept")
    command.store(token="new")
    assert bot.all() == {"token": "new", "secret": "kept"}
    file.unlink()
    assert bot.all() == {}


def test_what_is_given_wins_until_it_is_renewed(file: Path) -> None:
    Credentials(file).store(token="stored")
    bot = Credentials(file, {"token": "given", "key": "k"})
    assert bot.all() == {"token": "given", "key": "k"}
    bot.store(token="renewed")
    for each in (bot, Credentials(file, {"token": "given", "key": "k"})):
        assert each.all() == {"token": "renewed", "key": "k"}
    assert Credentials(file, {"token": "given anew"}).all() == {"token": "given anew"}
    assert "given" not in file.read_text().replace("given anew", "")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(file: Path, mode: int) -> None:
    Credentials(file).store(token="secret")
    file.chmod(mode)
    with pytest.raises(ConfigError, match=r"can be read by others; run `chmod 600"):
        Credentials(file).all()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"token": 1}', b"\xff", b"null"])
def test_rubbish_is_named_with_the_mend(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(ConfigError, match=r"run `veritag authorize x` again"):
        Credentials(file).all()


def test_a_folder_in_the_files_place_is_named(file: Path) -> None:
    file.mkdir(parents=True, mode=0o700)
    with pytest.raises(ConfigError, match=r"cannot be read \(is a directory\)"):
        Credentials(file).all()


def test_a_write_that_fails_leaves_the_old_secrets(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = Credentials(file)
    credentials.store(token="old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match=r"cannot be written \(no space left"):
        credentials.store(token="new")
    assert credentials.all() == {"token": "old"}
    assert [path.name for path in file.parent.iterdir()] == ["x.json"]


def test_threads_that_store_lose_nothing_of_each_other(file: Path) -> None:
    credentials = Credentials(file)
    threads = [threading.Thread(target=credentials.store, kwargs={f"n{n}": str(n)}) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert json.loads(file.read_text()) == {f"n{n}": str(n) for n in range(20)}
