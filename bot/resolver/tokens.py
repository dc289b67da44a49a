"""Access tokens that are had with keys, kept until shortly before they run out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_MARGIN = 60.0
Renew = Callable[[], tuple[str, float]]
"""Gets a new token and how many seconds it is good for."""


class Tokens:
    """Tokens by name; one thread gets a token, others that want the same wait for it. Nothing is stored."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: dict[str, tuple[str, float]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, name: str, renew: Renew) -> str:
        """The token of this name, got anew where there is none that lasts another minute.

        Raises:
            ResolveError: whatever ``renew`` raises.
        """
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            token, until = self._held.get(name, ("", 0.0))
            if not token or self._clock() >= until:
                token, seconds = renew()
                # One that lasts less than the margin is used for half its time.
                self._held[name] = token, self._clock() + max(seconds - _MARGIN, seconds / 2)
            return token

    def forget(self, name: str, token: str) -> None:
        """Have the next `get` renew it: the site refused this token."""
        with self._lock:
            if self._held.get(name, ("", 0.0))[0] == token:
                del self._held[name]
