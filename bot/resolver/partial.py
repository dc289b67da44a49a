"""A file on its way here: what of it has come, and whether the rest can be had without the beginning."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bot.errors import ResolveError, ResolveFailure

_RANGE = re.compile(r"bytes (\d{1,15})-\d{1,15}/(?:\d{1,15}|\*)")


class Partial:
    """A new file that grows. ``size`` in bytes; ``mime`` is what its beginning says, once that is here."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._validator: str | None = None
        self.size = 0
        self.mime: str | None = None

    @property
    def sha256(self) -> str:
        """Of all that has come."""
        return self._digest.hexdigest()

    def begin(self, mime: str, fields: Mapping[str, str]) -> None:
        """Start from nothing, with an answer that has these header fields."""
        self._file.seek(0)
        self._file.truncate()
        self._digest = hashlib.sha256()
        self.size, self.mime = 0, mime
        self._validator = _validator(fields)

    def add(self, piece: bytes) -> None:
        """Append bytes."""
        self._file.write(piece)
        self._digest.update(piece)
        self.size += len(piece)

    def forget(self) -> None:
        """Have the next try begin from nothing."""
        self._validator = None

    def request(self) -> dict[str, str]:
        """Header fields that ask for the rest only (RFC 9110 section 14); none where that cannot be had."""
        if not self.size or self._validator is None:
            return {}
        return {"range": f"bytes={self.size}-", "if-range": self._validator}

    def goes_on(self, status: int, fields: Mapping[str, str]) -> bool:
        """Whether an answer to `request` is the rest, from exactly where this ends."""
        found = _RANGE.fullmatch(fields.get("content-range", "").strip())
        uncoded = not fields.get("content-encoding")
        return bool(status == 206 and self.size and uncoded and found and int(found[1]) == self.size)


def _validator(fields: Mapping[str, str]) -> str | None:
    """What names this very content: a strong ETag, else its date."""
    if fields.get("content-encoding") or fields.get("accept-ranges", "").strip().lower() == "none":
        return None
    etag = fields.get("etag", "").strip()
    named = etag if etag and not etag.startswith("W/") else fields.get("last-modified", "").strip()
    return named if named and named.isascii() and named.isprintable() else None


@contextmanager
def new_file(path: Path) -> Iterator[Partial]:
    """A file that must not exist yet, for its owner only; taken away again unless all goes well.

    Raises:
        ResolveError: NETWORK where the disk does not take it.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                yield Partial(file)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    except OSError as error:
        detail = (
            f"the medium cannot be written to {path.parent}: {error.strerror}; make room or mend the folder"
        )
        raise ResolveError(ResolveFailure.NETWORK, detail) from error
