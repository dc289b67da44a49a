"""Time, injectable: everything that waits or stamps asks a `Clock`, so that tests own the hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC)


class FakeClock:
    """A clock that stands still until it is told to go on; for tests and rehearsals."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """The moment that it was last set to."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let some time pass."""
        self._now += timedelta(seconds=seconds)
