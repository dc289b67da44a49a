"""How often one may ask: a budget for each address that fills up again, and one for all of them."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from fastapi import Request

from bot.config.base import is_loopback

_REMEMBERED: Final = 10_000
_ALL: Final = 10


class Pace:
    """So many requests a minute for each address, ten times as many for all; bursts take a minute's worth."""

    def __init__(self, per_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._now = now
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, address: str) -> bool:
        """Count one request from here; False where it is one too many."""
        with self._lock:
            return self._take(address, self._per_minute) and self._take("", _ALL * self._per_minute)

    def _take(self, name: str, per_minute: int) -> bool:
        now = self._now()
        left, since = self._left.pop(name, (float(per_minute), now))
        left = min(float(per_minute), left + (now - since) * per_minute / 60)
        self._left[name] = (max(0.0, left - 1), now)
        while len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)
        return left >= 1


def address_of(request: Request) -> str:
    """Who asks: behind a proxy on this machine, whom that names; others are not believed."""
    direct = request.client.host if request.client else ""
    named = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return named if named and is_loopback(direct) else direct
