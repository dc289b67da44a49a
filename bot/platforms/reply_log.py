"""Replies written to a file instead of a network: the platform `inbox`, and test mode on every platform."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bot.errors import OutcomeUnknown, PlatformUnavailable
from bot.platforms.base import Draft, SentReply
from bot.platforms.jsonl import complete_lines


class ReplyLog:
    """An append-only JSON Lines file of replies, one for each idempotency key.

    A record is {id, key, in_reply_to, text, language, image, image_alt_text, created_at}, or {retracts,
    created_at} for one that was taken back; its key stays taken. Any number of
    processes and threads may append at once: every look and every append holds the file's lock. A process
    that dies while it appends leaves a torn last line; the next one closes it with a newline, so that it
    either turns out whole or is passed over, and no later record runs into it.

    No reply is named before it is on the disk. The wait for the disk is outside the lock, so replies that
    are written at the same time wait together.

    Memory is one index entry a reply; each call reads only the lines that are new since the last one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._guard = threading.Lock()
        self._ids: dict[str, str] = {}
        self._retracted: set[str] = set()
        self._inode = 0
        self._read_to = 0
        self._synced_to = 0

    def append(self, draft: Draft) -> SentReply:
        """Write the reply and wait for the disk; the same ``draft.key`` again returns the reply that stands.

        Raises:
            PlatformUnavailable: the file cannot be written; nothing was.
            OutcomeUnknown: the record is written, but the disk did not confirm it.
        """
        with self._opened() as file:
            with self._locked(file):
                if draft.key not in self._ids:
                    self._write(file, json.dumps(_record(draft), ensure_ascii=False).encode() + b"\n")
                    self._catch_up(file)
                sent, end = SentReply(self._ids[draft.key]), self._read_to
            try:
                self._sync(file, end)
            except OSError as error:
                raise OutcomeUnknown(
                    f"{self.path} may or may not hold the reply: {error.strerror}"
                ) from error
            return sent

    def find(self, key: str) -> SentReply | None:
        """The reply that stands under this key, if any.

        Raises:
            PlatformUnavailable: the file cannot be read.
        """
        with self._opened() as file:
            with self._locked(file):
                known, end = self._ids.get(key), self._read_to
            if known is None:
                return None
            self._sync(file, end)
            return SentReply(known)

    def retract(self, reply_id: str) -> None:
        """Note that a reply is taken back; once for each reply that is here.

        Raises:
            PlatformUnavailable: the file cannot be written.
        """
        with self._opened() as file:
            with self._locked(file):
                if reply_id in self._ids.values() and reply_id not in self._retracted:
                    record = {"retracts": reply_id, "created_at": _now()}
                    self._write(file, json.dumps(record).encode() + b"\n")
                    self._catch_up(file)
                end = self._read_to
            self._sync(file, end)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        try:
            file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                yield file
            finally:
                os.close(file)
        except OSError as error:
            raise PlatformUnavailable(f"cannot use {self.path}: {error.strerror}") from error

    @contextmanager
    def _locked(self, file: int) -> Iterator[None]:
        """The file is this caller's alone, repaired, and the index up to date."""
        with self._guard:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                self._repair(file)
                self._catch_up(file)
                yield
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)

    def _sync(self, file: int, end: int) -> None:
        """Wait until the file is on the disk up to this byte."""
        if end > self._synced_to:
            os.fdatasync(file)
            self._synced_to = end

    def _repair(self, file: int) -> None:
        size = os.fstat(file).st_size
        if size == 0:
            _sync_folder(self.path.parent)
        elif os.pread(file, 1, size - 1) != b"\n":
            os.write(file, b"\n")

    def _catch_up(self, file: int) -> None:
        status = os.fstat(file)
        if status.st_ino != self._inode or status.st_size < self._read_to:
            self._ids, self._inode, self._read_to, self._synced_to = {}, status.st_ino, 0, 0
            self._retracted = set()
        with os.fdopen(os.dup(file), "rb") as reader:
            for line in complete_lines(reader, self._read_to):
                self._index(line.raw)
                self._read_to = line.end

    def _index(self, raw: bytes | None) -> None:
        try:
            record = json.loads(raw or b"")
            if "retracts" in record:
                self._retracted.add(record["retracts"])
                return
            self._ids.setdefault(record["key"], record["id"])
        except (ValueError, KeyError, TypeError):
            return  # a record torn by a crash: it never counted as a reply

    def _write(self, file: int, line: bytes) -> None:
        size = os.fstat(file).st_size
        written = 0
        try:
            while written < len(line):
                written += os.write(file, line[written:])
        except OSError:
            os.ftruncate(file, size)
            raise


def _record(draft: Draft) -> dict[str, str | None]:
    return {
        "id": "reply-" + hashlib.sha256(draft.key.encode()).hexdigest()[:16],
        "key": draft.key,
        "in_reply_to": draft.in_reply_to,
        "text": draft.text,
        "language": draft.language,
        "image": None if draft.image is None else str(draft.image),
        "image_alt_text": draft.image_alt_text,
        "created_at": _now(),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _sync_folder(folder: Path) -> None:
    """Make a new file's name as durable as its content."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
