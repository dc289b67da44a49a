"""At most so many transfers from one host at the same time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from bot.errors import ResolveError, ResolveFailure


class HostSlots:
    """Counts transfers by host; forgets a host when its last one ends."""

    def __init__(self, per_host: int) -> None:
        self._per_host = per_host
        self._busy: Counter[str] = Counter()
        self._freed = threading.Condition()
        self._closed = False

    def close(self) -> None:
        """Let everybody who waits go on, without limit: the owner takes no more transfers."""
        with self._freed:
            self._closed = True
            self._freed.notify_all()

    def _free(self, host: str) -> bool:
        return self._busy.get(host, 0) < self._per_host

    @contextmanager
    def hold(self, host: str, timeout: float) -> Iterator[float]:
        """Hold one slot of this host; yields the seconds that it had to be waited for.

        Raises:
            ResolveError: NETWORK if none came free within ``timeout`` seconds.
        """
        began = time.monotonic()
        with self._freed:
            if not self._freed.wait_for(lambda: self._closed or self._free(host), timeout):
                raise ResolveError(
                    ResolveFailure.NETWORK, f"{host} was busy with our own requests for {timeout:.0f} s"
                )
            self._busy[host] += 1
        try:
            yield time.monotonic() - began
        finally:
            with self._freed:
                self._busy[host] -= 1
                if not self._busy[host]:
                    del self._busy[host]
                self._freed.notify_all()
