"""The gate that every request to a platform passes: budgets, pauses and money, for all loops alike.

A request that the platform would refuse, or that would cost more than a day may, is not made: `RateLimited`
is raised instead, with the time from which it may be tried. Nothing here waits.

    with gate.call("mentions", cost=Decimal("0.005")) as call:
        response = ask()
        call.budget(remaining=..., reset_at=...)
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Protocol

from bot.clock import Clock, SystemClock
from bot.errors import CredentialsRefused, OutcomeUnknown, PlatformUnavailable, RateLimited

UNNAMED_WAIT = timedelta(seconds=60)
"""The pause after a refusal that names no time."""

LONGEST_WAIT = timedelta(minutes=15)
FAILURES_TO_OPEN = 3
NOTHING = Decimal(0)


class Ledger(Protocol):
    """Where the money that was spent is written down, per UTC day."""

    def spent(self, since: datetime) -> Decimal:
        """US dollars spent since that moment."""

    def add(self, endpoint: str, dollars: Decimal) -> None:
        """Note a request that was paid for."""


class MemoryLedger:
    """A ledger that forgets when the process ends: for tests, and for platforms that cost nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: list[tuple[datetime, Decimal]] = []

    def spent(self, since: datetime) -> Decimal:
        """US dollars spent since that moment."""
        return sum((dollars for at, dollars in self._entries if at >= since), NOTHING)

    def add(self, endpoint: str, dollars: Decimal) -> None:
        """Note a request that was paid for."""
        del endpoint
        self._entries.append((self._clock.now(), dollars))


@dataclass(slots=True)
class Budget:
    """What is known of one endpoint. ``remaining`` counts requests until ``reset_at``; None: not told."""

    limit: int | None = None
    remaining: int | None = None
    reset_at: datetime | None = None
    closed_until: datetime | None = None
    failures: int = 0


class Call:
    """One request under way, told by the platform's module what the answer says of the budget."""

    def __init__(self, gate: Gate, endpoint: str, cost: Decimal) -> None:
        self._gate = gate
        self._endpoint = endpoint
        self._cost = cost

    def budget(
        self, *, limit: int | None = None, remaining: int | None = None, reset_at: datetime | None = None
    ) -> None:
        """Note what the answer's headers say, whatever its status."""
        self._gate.note_budget(self._endpoint, limit, remaining, reset_at)

    def charge(self, dollars: Decimal) -> None:
        """Note what the request really cost, in the place of its `cost`."""
        if dollars != self._cost:
            self._gate.correct(self._endpoint, dollars - self._cost)


class Gate:
    """One platform's gate. Safe to use from several threads."""

    def __init__(
        self,
        platform: str,
        clock: Clock | None = None,
        *,
        ledger: Ledger | None = None,
        daily_cap: Decimal | None = None,
    ) -> None:
        """`daily_cap` is in US dollars for a UTC day; None: no cap."""
        self.platform = platform
        self._clock = clock or SystemClock()
        self._ledger = ledger or MemoryLedger(self._clock)
        self._daily_cap = daily_cap
        self._guard = threading.Lock()
        self._budgets: dict[str, Budget] = {}

    @contextmanager
    def call(self, endpoint: str, *, cost: Decimal = NOTHING) -> Iterator[Call]:
        """The block makes one request to ``endpoint``, which costs so many US dollars.

        A `RateLimited` that leaves the block closes the endpoint until its time, or for a while that doubles
        where it names none; repeated `PlatformUnavailable` and `OutcomeUnknown` close it likewise.

        Raises:
            RateLimited: the request must not be made now.
        """
        self._admit(endpoint, cost)
        try:
            yield Call(self, endpoint, cost)
        except RateLimited as refusal:
            self._close(endpoint, refusal.retry_at)
            raise
        except (PlatformUnavailable, OutcomeUnknown):
            self._note_failure(endpoint)
            raise
        except CredentialsRefused:
            raise
        except Exception:
            self._note_answer(endpoint)
            raise
        else:
            self._note_answer(endpoint)

    def note_budget(
        self, endpoint: str, limit: int | None, remaining: int | None, reset_at: datetime | None
    ) -> None:
        """Note what the platform says of an endpoint's budget."""
        with self._guard:
            budget = self._of(endpoint)
            budget.limit, budget.remaining, budget.reset_at = limit, remaining, reset_at

    def correct(self, endpoint: str, dollars: Decimal) -> None:
        """Note that a request cost so much more, or less, than was reserved for it."""
        with self._guard:
            self._ledger.add(endpoint, dollars)

    def budgets(self) -> dict[str, Budget]:
        """A copy of what is known, by endpoint, for operators."""
        with self._guard:
            return {
                name: Budget(each.limit, each.remaining, each.reset_at, each.closed_until, each.failures)
                for name, each in self._budgets.items()
            }

    def _of(self, endpoint: str) -> Budget:
        return self._budgets.setdefault(endpoint, Budget())

    def _admit(self, endpoint: str, cost: Decimal) -> None:
        now = self._clock.now()
        with self._guard:
            budget = self._of(endpoint)
            if budget.closed_until is not None and now < budget.closed_until:
                raise RateLimited(f"{self.platform} rests on {endpoint}", budget.closed_until)
            if budget.reset_at is not None and now >= budget.reset_at:
                budget.remaining = budget.reset_at = None
            if budget.remaining is not None and budget.remaining <= 0 and budget.reset_at is not None:
                raise RateLimited(f"{self.platform} allows no more of {endpoint}", budget.reset_at)
            if cost:
                self._pay(endpoint, cost, now)
            if budget.remaining is not None:
                budget.remaining -= 1

    def _pay(self, endpoint: str, cost: Decimal, now: datetime) -> None:
        midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
        if self._daily_cap is not None and self._ledger.spent(midnight) + cost > self._daily_cap:
            raise RateLimited(
                f"{self.platform}.daily_cap of {self._daily_cap} US dollars is reached; raise it to go on",
                midnight + timedelta(days=1),
            )
        self._ledger.add(endpoint, cost)

    def _close(self, endpoint: str, until: datetime | None) -> None:
        with self._guard:
            budget = self._of(endpoint)
            budget.failures += 1
            wait = min(LONGEST_WAIT, UNNAMED_WAIT * 2 ** (budget.failures - 1))
            budget.closed_until = until or self._clock.now() + wait

    def _note_failure(self, endpoint: str) -> None:
        with self._guard:
            budget = self._of(endpoint)
            budget.failures += 1
            if budget.failures >= FAILURES_TO_OPEN:
                wait = min(LONGEST_WAIT, UNNAMED_WAIT * 2 ** (budget.failures - FAILURES_TO_OPEN))
                budget.closed_until = self._clock.now() + wait

    def _note_answer(self, endpoint: str) -> None:
        with self._guard:
            budget = self._of(endpoint)
            budget.failures, budget.closed_until = 0, None
