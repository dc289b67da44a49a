"""The content-addressed store: each medium once, under the SHA-256 of its bytes.

<folder>/ab/ab12...    media, mode 0600, never executable
<folder>/partial/      files that are still being written; a crash leaves them, the next start sweeps them.
                       The folder itself is locked: shared by who adopts a file, alone by who removes one
<folder>/lock          shared while a store is open; whoever gets it alone may sweep
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bot.resolver.base import StoredMedium
from bot.resolver.sniff import HEAD_BYTES, UNKNOWN, sniff

_SHA256 = re.compile(r"[0-9a-f]{64}")
_STEP_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A medium on disk: ``size`` in bytes, ``touched`` when it was last brought (seconds since 1970)."""

    sha256: str
    size: int
    touched: float


class MediaStore:
    """A folder of media. Threads and processes may share it.

    Raises:
        OSError: the folder cannot be made or written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._partial = folder / "partial"
        self._partial.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._sweep()

    def close(self) -> None:
        """Let others sweep; the store is not used again. Safe to call twice."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def path(self, sha256: str) -> Path:
        """Where the medium of this digest is, or would be.

        Raises:
            ValueError: this is no SHA-256 in lower-case hexadecimal.
        """
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"not a SHA-256 in lower-case hexadecimal: {sha256[:80]!r}")
        return self.folder / sha256[:2] / sha256

    @contextmanager
    def temporary(self) -> Iterator[Path]:
        """The path of a file still to be made, on the store's disk; what is left of it goes in the end."""
        path = self._partial / uuid.uuid4().hex
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """An empty folder on the store's disk, for its owner only; it goes in the end with all in it."""
        path = self._partial / uuid.uuid4().hex
        path.mkdir(mode=0o700)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def adopt(self, temporary: Path) -> StoredMedium:
        """Move a finished file from `temporary` into the store and name it by its bytes.

        It is on disk, whole, before it has its name. Content that is there already is left as it is; of two
        who bring the same at the same time, one replaces the other's with the same bytes.

        Raises:
            OSError: no regular file, or the disk does not take it.
        """
        descriptor = os.open(temporary, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(f"not a regular file: {temporary}")
            sha256, size, head = _read_through(file)
            stored = StoredMedium(sha256, self.path(sha256), size, sniff(head) or UNKNOWN)
            with self._agreed(fcntl.LOCK_SH):
                if stored.path.exists():
                    os.utime(stored.path)  # it is young again: what goes first is what nobody posts any more
                    return stored
            os.fchmod(descriptor, 0o600)
            os.fsync(descriptor)
        stored.path.parent.mkdir(mode=0o700, exist_ok=True)
        temporary.replace(stored.path)
        _sync_folder(stored.path.parent)
        return stored

    def remove(self, sha256: str, *, unless_touched_after: float | None = None) -> bool:
        """Delete one medium; False where it was not there, or was brought again after that moment.

        Raises:
            ValueError: as `path`.
        """
        path = self.path(sha256)
        with self._agreed(fcntl.LOCK_EX):
            try:
                if unless_touched_after is not None and path.stat().st_mtime > unless_touched_after:
                    return False
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    def contents(self) -> list[KeptFile]:
        """Every medium that is here."""
        found = []
        for folder in self.folder.iterdir():
            if len(folder.name) == 2 and folder.is_dir():
                for entry in os.scandir(folder):
                    # A file may be removed while the folder is read.
                    with contextlib.suppress(FileNotFoundError):
                        status = entry.stat(follow_symlinks=False)
                        if _SHA256.fullmatch(entry.name):
                            found.append(KeptFile(entry.name, status.st_size, status.st_mtime))
        return found

    @contextmanager
    def _agreed(self, kind: int) -> Iterator[None]:
        """Whoever adopts shares this, whoever removes has it alone: no file goes that was just found."""
        descriptor = os.open(self._partial, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, kind)
            yield
        finally:
            os.close(descriptor)

    def _sweep(self) -> None:
        """Take away what a crash left behind, unless another process is at work in this store."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            for left in self._partial.iterdir():
                if left.is_dir() and not left.is_symlink():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink(missing_ok=True)
        fcntl.flock(self._lock, fcntl.LOCK_SH)


def _read_through(file: BinaryIO) -> tuple[str, int, bytes]:
    """SHA-256, size in bytes, and the beginning of a file."""
    digest, size, head = hashlib.sha256(), 0, b""
    while step := file.read(_STEP_BYTES):
        head = head or step[:HEAD_BYTES]
        digest.update(step)
        size += len(step)
    return digest.hexdigest(), size, head


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
