"""Where each mention of an inbox stands in its file, kept up to date line by line."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from bot.platforms.inbox_records import MalformedRecord, PostRecord, parse_mention
from bot.platforms.jsonl import Line, complete_lines


class MentionIndex:
    """Mentions by id: a look-up reads the lines that are new, and one more.

    Memory is a dictionary entry a mention (some 150 bytes). Where an id stands twice, the later line counts.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._offsets: dict[str, int] = {}
        self._read_to = 0
        self._inode = 0

    def find(self, post_id: str) -> PostRecord | None:
        """The mention of this id, if there is one.

        Raises:
            OSError: the file cannot be read.
        """
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return None
        with file, self._guard:
            status = os.fstat(file.fileno())
            if status.st_ino != self._inode or status.st_size < self._read_to:
                self._offsets, self._read_to, self._inode = {}, 0, status.st_ino
            for line in complete_lines(file, self._read_to):
                record = _record_in(line)
                if record is not None:
                    self._offsets[record.id] = line.start
                self._read_to = line.end
            offset = self._offsets.get(post_id)
            if offset is None:
                return None
            line_there = next(complete_lines(file, offset), None)
        record = None if line_there is None else _record_in(line_there)
        return record if record is not None and record.id == post_id else None


def _record_in(line: Line) -> PostRecord | None:
    try:
        return parse_mention(line.raw or b"")
    except MalformedRecord:
        return None  # the pages of mentions name it when they come to it
