"""A cap on what services may cost in a day. Costs are in US dollars, days are in UTC."""

from __future__ import annotations

import fcntl
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from detectors.errors import BudgetSpent, ServiceFailed


def _utc_day() -> str:
    return datetime.now(UTC).date().isoformat()


class Budget:
    """Counts what is spent today. Safe to use from many threads, and from many processes with one file.

    Args:
        per_day: the cap; 0 lets only free services answer.
        file: where the count is kept over restarts; without one a restart counts from zero. Its folder is
            made when the first cost arises.
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
        # Where nobody can say what was spent, the rest of the day stays closed rather than open twice.
        self._day, self._spent = self._read() or (today(), per_day)

    def spent(self) -> float:
        """Return what today has cost so far."""
        with self._lock:
            self._look()
            return self._spent

    def reserve(self, cost: float) -> str:
        """Count a cost before it arises; returns the day that it was counted on.

        Raises:
            BudgetSpent: it would pass the cap; nothing is counted.
            ServiceFailed: the count cannot be kept.
        """
        with self._counting(cost):
            if self._spent + cost > self.per_day:
                raise BudgetSpent(
                    f"too little of today's {self.per_day:.2f} dollars for services is left; "
                    "more can be spent from midnight UTC"
                )
            self._change(cost)
            return self._day

    def settle(self, day: str, reserved: float, actual: float) -> None:
        """Replace what was reserved by what it came to. A day that has passed stays as it was counted."""
        with self._counting(actual - reserved):
            if day == self._day:
                self._change(actual - reserved)

    @contextmanager
    def _counting(self, amount: float) -> Iterator[None]:
        """Alone with the latest count; free answers touch no file."""
        with self._lock:
            if self._file is None or not amount:
                self._look()
                yield
                return
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                with self._file.with_name(f"{self._file.name}.lock").open("wb") as others:
                    fcntl.flock(others, fcntl.LOCK_EX)
                    self._look()
                    yield
            except OSError as error:
                raise ServiceFailed(
                    f"costs cannot be counted in {self._file.parent} ({error.strerror}), so nothing that "
                    "costs is asked; make that folder writable"
                ) from error

    def _look(self) -> None:
        day = self._today()
        if self._file is not None and self._file.is_file():
            self._day, self._spent = self._read() or (self._day, self._spent)
        if day != self._day:
            self._day, self._spent = day, 0.0

    def _change(self, amount: float) -> None:
        if not amount:
            return
        self._spent = max(0.0, self._spent + amount)
        if self._file is not None:
            draft = self._file.with_name(f"{self._file.name}.new")
            draft.write_text(json.dumps({"day": self._day, "spent": self._spent}), "ascii")
            draft.replace(self._file)

    def _read(self) -> tuple[str, float] | None:
        """The count in the file; None where it cannot be understood."""
        if self._file is None or not self._file.is_file():
            return self._today(), 0.0
        try:
            kept = json.loads(self._file.read_text("ascii"))
            day, spent = str(kept["day"]), float(kept["spent"])
            return (day, spent) if 0 <= spent < float("inf") else None
        except (ValueError, TypeError, KeyError):
            return None
