from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.resolver.media_store import MediaStore
from tests.bot.resolver.server import PNG

DIGEST = hashlib.sha256(PNG).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MediaStore]:
    store = MediaStore(tmp_path / "data" / "media")
    yield store
    store.close()


def put(store: MediaStore, content: bytes) -> Path:
    with store.temporary() as temporary:
        temporary.write_bytes(content)
        temporary.chmod(0o755)
        return store.adopt(temporary).path


def files(store: MediaStore) -> list[Path]:
    return [path for path in store.folder.rglob("*") if path.is_file() and path.name != "lock"]


def test_a_medium_is_named_by_its_bytes(store: MediaStore) -> None:
    with store.temporary() as temporary:
        temporary.write_bytes(PNG)
        medium = store.adopt(temporary)
    assert (medium.sha256, medium.size, medium.mime) == (DIGEST, len(PNG), "image/png")
    assert medium.path == store.path(DIGEST) == store.folder / DIGEST[:2] / DIGEST
    assert medium.path.read_bytes() == PNG
    assert files(store) == [medium.path]


def test_media_are_never_executable_nor_open_to_others(store: MediaStore) -> None:
    path = put(store, PNG)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0


def test_the_same_content_is_stored_once_by_many_at_a_time(store: MediaStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(lambda n: put(store, bytes([n % 3]) * 1000), range(48)))
    assert len(paths) == 3
    assert sorted(files(store)) == sorted(paths)


def test_what_is_no_medium_is_stored_as_unknown(store: MediaStore) -> None:
    with store.temporary() as temporary:
        temporary.touch()
        empty = store.adopt(temporary)
    assert (empty.size, empty.mime) == (0, "application/octet-stream")


def test_temporary_files_go_whatever_happens(store: MediaStore) -> None:
    def interrupted() -> None:
        with store.temporary() as temporary:
            temporary.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert files(store) == []
    with store.temporary():
        pass  # nothing was written


def test_only_regular_files_are_adopted(store: MediaStore, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("kept")
    with store.temporary() as temporary:
        temporary.symlink_to(secret)
        with pytest.raises(OSError):
            store.adopt(temporary)
    assert secret.read_text() == "kept"
    with store.temporary() as temporary, pytest.raises(OSError):
        store.adopt(temporary)


def test_removing(store: MediaStore) -> None:
    put(store, PNG)
    assert store.remove(DIGEST)
    assert not store.remove(DIGEST)
    assert files(store) == []


@pytest.mark.parametrize(
    "wrong", ["", "../../etc/passwd", DIGEST.upper(), DIGEST + "\n", DIGEST[:-1], "/" + DIGEST[1:]]
)
def test_a_path_needs_a_digest(store: MediaStore, wrong: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        store.path(wrong)
    with pytest.raises(ValueError, match="SHA-256"):
        store.remove(wrong)


def test_start_sweeps_what_a_crash_left_and_spares_work_in_progress(tmp_path: Path) -> None:
    folder = tmp_path / "media"
    crash = (
        "import os, sys; from pathlib import Path; from bot.resolver.media_store import MediaStore\n"
        "store = MediaStore(Path(sys.argv[1]))\n"
        "with store.temporary() as path: path.write_bytes(b'half'); os._exit(9)"
    )
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", crash, folder], cwd=root, timeout=60).returncode == 9
    assert len(list((folder / "partial").iterdir())) == 1
    first = MediaStore(folder)
    assert list((folder / "partial").iterdir()) == []
    with first.temporary() as temporary:
        temporary.write_bytes(PNG)
        second = MediaStore(folder)
        assert first.adopt(temporary).sha256 == DIGEST
    first.close()
    first.close()
    second.close()
