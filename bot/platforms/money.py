"""What a platform's requests cost: noted before they are made, kept under a cap for each UTC day."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Protocol

import structlog

from bot.errors import RateLimited

log = structlog.get_logger()

NOTHING = Decimal(0)


class Ledger(Protocol):
    """Where one platform's spending is written down, by UTC day and endpoint. In US dollars."""

    def reserve(self, day: date, endpoint: str, dollars: Decimal, cap: Decimal | None) -> Decimal | None:
        """Note a request that is about to be made, in one step with looking whether the cap allows it.

        Returns:
            What the day has cost with it; None where it would be more than ``cap``, and nothing is noted.
        """

    def settle(self, day: date, endpoint: str, reserved: Decimal, cost: Decimal) -> None:
        """Put what a request really cost in the place of what was reserved for it."""

    def spent(self, day: date) -> Decimal:
        """What a day has cost so far."""

    def tell(self, event: str, spent: Decimal, cap: Decimal) -> None:
        """Note for operators that the cap is near or reached."""


class MemoryLedger:
    """A ledger that forgets when the process ends: for tests, and for platforms that cost nothing."""

    def __init__(self) -> None:
        self._days: dict[date, Decimal] = {}
        self._guard = threading.Lock()

    def reserve(self, day: date, endpoint: str, dollars: Decimal, cap: Decimal | None) -> Decimal | None:
        """As in `Ledger`."""
        del endpoint
        with self._guard:
            spent = self._days.get(day, NOTHING) + dollars
            if cap is not None and spent > cap:
                return None
            self._days[day] = spent
            return spent

    def settle(self, day: date, endpoint: str, reserved: Decimal, cost: Decimal) -> None:
        """As in `Ledger`."""
        del endpoint
        with self._guard:
            self._days[day] = self._days.get(day, NOTHING) + cost - reserved

    def spent(self, day: date) -> Decimal:
        """As in `Ledger`."""
        return self._days.get(day, NOTHING)

    def tell(self, event: str, spent: Decimal, cap: Decimal) -> None:
        """The log has it; there is nowhere else."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money that was reserved for one request."""

    day: date
    endpoint: str
    dollars: Decimal


class Purse:
    """One platform's money. Safe to use from several threads.

    What a request may cost is noted before it leaves, so that a process that dies has not spent more than the
    ledger says. Only the platform's module can know that less was due: then it settles.
    """

    def __init__(self, platform: str, ledger: Ledger, daily_cap: Decimal | None, warn_at: float) -> None:
        """`daily_cap` is in US dollars for a UTC day, None for no cap; `warn_at` is a share of it."""
        self.daily_cap = daily_cap
        self.warn_at = warn_at
        self.capped_on: date | None = None
        self._platform = platform
        self._ledger = ledger

    def pay(self, endpoint: str, dollars: Decimal, now: datetime) -> Receipt:
        """Reserve what a request may cost.

        Raises:
            RateLimited: the day would cost more than the cap; until the next one.
        """
        day = now.astimezone(UTC).date()
        spent = self._ledger.reserve(day, endpoint, dollars, self.daily_cap)
        if spent is None:
            self._refuse(day)
        elif self.daily_cap is not None:
            bound = self.daily_cap * Decimal(str(self.warn_at))
            if spent - dollars < bound <= spent:
                log.warning("spending_near_cap", **self._said(spent))
                self._ledger.tell("spending_near_cap", spent, self.daily_cap)
        return Receipt(day, endpoint, dollars)

    def settle(self, receipt: Receipt, cost: Decimal) -> None:
        """Put what the request really cost in the place of what was reserved."""
        self._ledger.settle(receipt.day, receipt.endpoint, receipt.dollars, cost)

    def spent(self, now: datetime) -> Decimal:
        """What this UTC day has cost so far, in US dollars."""
        return self._ledger.spent(now.astimezone(UTC).date())

    def _refuse(self, day: date) -> None:
        assert self.daily_cap is not None
        if self.capped_on != day:
            self.capped_on = day
            spent = self._ledger.spent(day)
            log.error("spending_cap_reached", **self._said(spent))
            self._ledger.tell("spending_cap_reached", spent, self.daily_cap)
        raise RateLimited(
            f"{self._platform}.daily_cap of {self.daily_cap} US dollars is reached; raise it to go on",
            datetime.combine(day, time(), UTC) + timedelta(days=1),
        )

    def _said(self, spent: Decimal) -> dict[str, str]:
        return {"platform": self._platform, "spent": str(spent), "daily_cap": str(self.daily_cap)}
