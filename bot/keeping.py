"""Keeping media: for so many days and bytes; then a file goes, and what was found out about it stays.

What open mentions are about stays, whatever its age; by default so does what a person has reviewed, since a
label without its file teaches nothing. All else goes oldest first. A repost makes a file young again.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import structlog

from bot.resolver.media_store import MediaStore
from state.store import Store

log = structlog.get_logger(__name__)

GRACE_SECONDS = 3600.0
"""A file this young may belong to a step that has yet to be committed."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did and left: numbers of files, and bytes."""

    removed: int
    freed: int
    files: int
    size: int


class Keeper:
    """Decides which media stay. Sizes are bytes, ``retention`` is seconds."""

    def __init__(
        self,
        store: Store,
        media: MediaStore,
        *,
        quota: int,
        retention: float,
        keep_reviewed: bool,
        drawn: tuple[Path, ...] = (),
    ) -> None:
        """Folders in ``drawn`` hold what was drawn from media, each in a folder of its SHA-256."""
        self.quota = quota
        self.last: Swept | None = None
        self._store = store
        self._media = media
        self._retention = retention
        self._keep_reviewed = keep_reviewed
        self._drawn = drawn

    def sweep(self) -> Swept:
        """Remove what is past its time, then, while all are more than the quota, the oldest."""
        files = sorted(self._media.contents(), key=lambda file: file.touched)
        needed: set[str] | None = None  # asked for only where something may go
        now, size = time.time(), sum(file.size for file in files)
        removed, freed = 0, 0
        for file in files:
            too_old = now - file.touched > self._retention
            if not too_old and size - freed <= self.quota:
                break
            if needed is None:
                needed = self._store.media.needed(reviewed=self._keep_reviewed)
            if file.sha256 in needed or now - file.touched < GRACE_SECONDS:
                continue
            # The note first: a deletion without it costs the next asker a failure, it alone costs nothing.
            self._store.media.mark_deleted(file.sha256)
            self._remove_drawn(file.sha256)
            if self._media.remove(file.sha256, unless_touched_after=file.touched):
                removed, freed = removed + 1, freed + file.size
        self.last = Swept(removed, freed, len(files) - removed, size - freed)
        if removed:
            log.info("media_swept", removed=removed, freed=freed, left=self.last.size)
        return self.last

    def delete(self, sha256: str) -> bool:
        """Remove one file on request, needed or not, what was drawn from it, and what copies are known by.

        Returns False where there was no file.

        Raises:
            ValueError: this is no SHA-256 in lower-case hexadecimal.
        """
        self._media.path(sha256)
        self._store.media.mark_deleted(sha256)
        self._store.likenesses.forget(sha256)
        gone = self._media.remove(sha256)
        self._remove_drawn(sha256)
        if gone:
            self._store.events.add("medium_deleted", None, {"sha256": sha256})
        return gone

    def _remove_drawn(self, sha256: str) -> None:
        for folder in self._drawn:
            shutil.rmtree(folder / sha256, ignore_errors=True)

    def usage(self) -> Swept:
        """What there is now; nothing is removed."""
        files = self._media.contents()
        return Swept(0, 0, len(files), sum(file.size for file in files))
