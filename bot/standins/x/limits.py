"""The stand-in's limits: so many requests per endpoint, token and window, told in headers as X tells them."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.clock import Clock


@dataclass(frozen=True, slots=True)
class Allowance:
    """Requests in a window of so many seconds. Without ``told`` a refusal names no time and no numbers."""

    requests: int
    seconds: float = 900.0
    told: bool = True


DEFAULT = Allowance(900)
OF_X = {
    "GET /2/users/{id}/mentions": Allowance(300),
    "GET /2/users/{id}/tweets": Allowance(900),
    "GET /2/users/me": Allowance(75),
    "POST /2/tweets": Allowance(100),
    "DELETE /2/tweets/{id}": Allowance(50),
    "POST /2/media/upload": Allowance(500),
}


@dataclass(slots=True)
class _Window:
    ends: datetime
    used: int = 0


class Limits:
    """Counts requests. ``allowances`` can be set at any time, by "METHOD /path" as X's documents write it."""

    def __init__(self, clock: Clock) -> None:
        self.allowances = dict(OF_X)
        self._clock = clock
        self._guard = threading.Lock()
        self._windows: dict[tuple[str, str], _Window] = {}

    def count(self, endpoint: str, token: str) -> tuple[bool, dict[str, str]]:
        """Whether one more request is allowed, and the headers that say so."""
        allowance = self.allowances.get(endpoint, DEFAULT)
        now = self._clock.now()
        with self._guard:
            window = self._windows.get((endpoint, token))
            if window is None or now >= window.ends:
                window = _Window(now + timedelta(seconds=allowance.seconds))
                self._windows[endpoint, token] = window
            allowed = window.used < allowance.requests
            window.used += allowed
            left = max(0, allowance.requests - window.used)
        if not allowance.told:
            return allowed, {}
        return allowed, headers(allowance.requests, left, window.ends)


def headers(limit: int, remaining: int, reset: datetime) -> dict[str, str]:
    """X's headers; the reset is in whole seconds."""
    return {
        "x-rate-limit-limit": str(limit),
        "x-rate-limit-remaining": str(remaining),
        "x-rate-limit-reset": str(math.ceil(reset.timestamp())),
    }
