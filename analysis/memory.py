"""Giving memory back to the system that the engine has freed.

The C library keeps what threads free in arenas of their own, so that a process that decodes one picture after
another in several threads holds hundreds of megabytes that nobody uses, and more after every thousand.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

EVERY = 32  # media; a trim takes some milliseconds


def _trim() -> Callable[[int], object] | None:
    try:
        return ctypes.CDLL(None).malloc_trim  # glibc only
    except (OSError, AttributeError):
        return None


class Heap:
    """Trims the C library's heap every so often; does nothing where it has no such call."""

    def __init__(self, every: int = EVERY) -> None:
        self._every = every
        self._used = 0
        self._trim = _trim()

    def used(self, media: int) -> bool:
        """Count media that were judged; returns whether the heap was trimmed."""
        self._used += media
        if self._used < self._every or self._trim is None:
            return False
        self._used = 0
        self._trim(0)
        return True
