"""A cap on what services may cost in a day. Costs are in US dollars, days are in UTC."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from detectors.errors import BudgetSpent


def _utc_day() -> str:
    return datetime.now(UTC).date().isoformat()


class Budget:
    """Counts what is spent today. Safe to use from many threads of one process.

    Args:
        per_day: the cap; 0 lets only free services answer.
        file: where the count is kept over restarts; without one a restart counts from zero.
        today: names the current day.

    Raises:
        ValueError: the cap is negative or not a number.
    """

    def __init__(self, per_day: float, file: Path | None = None, today: Callable[[], str] = _utc_day) -> None:
        if not 0 <= per_day < float("inf"):
            raise ValueError(f"a cost cap of {per_day} dollars a day is none; give a number from 0")
        self.per_day = per_day
        self._file = file
        self._today = today
        self._lock = threading.Lock()
        self._day, self._spent = self._read()

    def spent(self) -> float:
        """Return what today has cost so far."""
        with self._lock:
            self._turn_page()
            return self._spent

    def reserve(self, cost: float) -> str:
        """Count a cost before it arises; returns the day that it was counted on.

        Raises:
            BudgetSpent: it would pass the cap; nothing is counted.
        """
        with self._lock:
            self._turn_page()
            if self._spent + cost > self.per_day:
                raise BudgetSpent(
                    f"too little of today's {self.per_day:.2f} dollars for services is left; "
                    "more can be spent from midnight UTC"
                )
            self._change(cost)
            return self._day

    def settle(self, day: str, reserved: float, actual: float) -> None:
        """Replace what was reserved by what it came to. A day that has passed stays as it was counted."""
        with self._lock:
            self._turn_page()
            if day == self._day:
                self._change(actual - reserved)

    def _turn_page(self) -> None:
        day = self._today()
        if day != self._day:
            self._day, self._spent = day, 0.0

    def _change(self, amount: float) -> None:
        if not amount:
            return
        self._spent = max(0.0, self._spent + amount)
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            draft = self._file.with_name(f"{self._file.name}.new")
            draft.write_text(json.dumps({"day": self._day, "spent": self._spent}), "ascii")
            draft.replace(self._file)

    def _read(self) -> tuple[str, float]:
        if self._file is None or not self._file.is_file():
            return self._today(), 0.0
        try:
            kept = json.loads(self._file.read_text("ascii"))
            return str(kept["day"]), float(kept["spent"])
        except (ValueError, TypeError, KeyError):
            # Nobody can say what was spent: the rest of the day stays closed rather than open twice.
            return self._today(), self.per_day
