"""What requests to platforms cost: by UTC day and endpoint, in whole millionths of a US dollar."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

from state.base import Table

if TYPE_CHECKING:
    from state.store import Store

MICRO = Decimal(1_000_000)


class Spending(Table):
    """Rows of `spending`. Amounts are rounded up."""

    def of(self, platform: str) -> PlatformSpending:
        """One platform's ledger."""
        return PlatformSpending(self._store, platform)

    def by_endpoint(self, platform: str, day: date) -> Mapping[str, tuple[int, Decimal]]:
        """How many paid requests a day has seen, and their cost in US dollars, by endpoint."""
        rows = self._store.rows(
            "SELECT endpoint, calls, microdollars FROM spending WHERE platform = ? AND day = ? "
            "ORDER BY endpoint",
            (platform, day.isoformat()),
        )
        return {row["endpoint"]: (row["calls"], row["microdollars"] / MICRO) for row in rows}


class PlatformSpending:
    """One platform's ledger: a `bot.platforms.money.Ledger`."""

    def __init__(self, store: Store, platform: str) -> None:
        self._store = store
        self._platform = platform

    def reserve(self, day: date, endpoint: str, dollars: Decimal, cap: Decimal | None) -> Decimal | None:
        """Note a request that is about to be made, unless the day would then cost more than ``cap``.

        Returns:
            What the day has cost with it, in US dollars; None where nothing was noted.
        """
        with self._store.transaction():
            spent = self.spent(day) + _rounded(dollars)
            if cap is not None and spent > cap:
                return None
            self._add(day, endpoint, 1, _rounded(dollars))
            return spent

    def settle(self, day: date, endpoint: str, reserved: Decimal, cost: Decimal) -> None:
        """Put what a request really cost in the place of what was reserved for it."""
        self._add(day, endpoint, 0, _rounded(cost) - _rounded(reserved))

    def spent(self, day: date) -> Decimal:
        """What a day has cost so far, in US dollars."""
        row = self._store.row(
            "SELECT coalesce(sum(microdollars), 0) AS spent FROM spending WHERE platform = ? AND day = ?",
            (self._platform, day.isoformat()),
        )
        return Decimal(row["spent"]) / MICRO if row else Decimal(0)

    def tell(self, event: str, spent: Decimal, cap: Decimal) -> None:
        """Note for operators that the cap is near or reached."""
        self._store.events.add(
            event, data={"platform": self._platform, "spent": str(spent), "daily_cap": str(cap)}
        )

    def _add(self, day: date, endpoint: str, calls: int, dollars: Decimal) -> None:
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO spending (platform, day, endpoint, calls, microdollars) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (platform, day, endpoint) DO UPDATE "
                "SET calls = calls + excluded.calls, microdollars = microdollars + excluded.microdollars",
                (self._platform, day.isoformat(), endpoint, calls, int(dollars * MICRO)),
            )


def _rounded(dollars: Decimal) -> Decimal:
    return (dollars * MICRO).to_integral_value(ROUND_CEILING) / MICRO
