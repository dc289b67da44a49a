"""The gate that every request to a platform passes: budgets, pauses and money, for all loops alike.

A request that the platform would refuse, or that would cost more than a day may, is not made: `RateLimited`
is raised instead, with the time from which it may be tried. Nothing here waits.

    with gate.call("mentions", cost=Decimal("0.50")) as call:
        response = ask()
        call.budget(remaining=..., reset_at=...)
        call.charge(Decimal("0.005") * posts_in(response))

An endpoint that asked to wait, or that failed again and again, is closed for a while. When that is over it is
half open: one request goes, and only once that has its answer do others. Pauses outlast the process, so a
bot that is restarted again and again does not ask again and again. Never call inside a store's transaction.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from bot.clock import Clock, SystemClock
from bot.errors import CredentialsRefused, OutcomeUnknown, PlatformUnavailable, RateLimited
from bot.platforms.money import NOTHING, Ledger, MemoryLedger, Purse, Receipt

UNNAMED_WAIT = timedelta(seconds=60)
"""The first pause after a refusal that names no time; each further one in a row is twice as long."""

LONGEST_UNNAMED_WAIT = timedelta(minutes=15)
LONGEST_NAMED_WAIT = timedelta(hours=25)
"""Platforms count by the day at most: a later time is a mistake, theirs or ours."""

PROBE_WAIT = timedelta(seconds=5)
"""For whoever comes while an endpoint is half open and its one request is under way."""

JITTER = 0.25
FAILURES_TO_CLOSE = 3


class Pauses(Protocol):
    """Where one platform's pauses are kept when the process ends."""

    def standing(self, now: datetime) -> Mapping[str, datetime]:
        """The endpoints that are to be left alone, each with the time until which."""

    def note(self, endpoint: str, until: datetime) -> None:
        """Keep a pause in the place of the endpoint's last one."""


class NoPauses:
    """Pauses that end with the process: for tests, and for platforms that are no network."""

    def standing(self, now: datetime) -> Mapping[str, datetime]:
        """None."""
        del now
        return {}

    def note(self, endpoint: str, until: datetime) -> None:
        """Nothing to do: the gate itself knows."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What is known of one endpoint. ``remaining`` counts requests until ``reset_at``; None: not told.

    ``failures`` in a row, refusals among them; an answer ends the row.
    """

    limit: int | None
    remaining: int | None
    reset_at: datetime | None
    closed_until: datetime | None
    failures: int


@dataclass(frozen=True, slots=True)
class Budgets:
    """One platform's budgets at one moment, for operators. Money is in US dollars, for this UTC day."""

    platform: str
    endpoints: Mapping[str, Budget]
    spent_today: Decimal
    daily_cap: Decimal | None
    warn_at: float
    capped: bool

    @property
    def near_cap(self) -> bool:
        """Whether so much is spent that operators should look."""
        return self.daily_cap is not None and self.spent_today >= self.daily_cap * Decimal(str(self.warn_at))


@dataclass(slots=True)
class _Endpoint:
    limit: int | None = None
    remaining: int | None = None
    reset_at: datetime | None = None
    closed_until: datetime | None = None
    failures: int = 0
    pauses: int = 0
    """Pauses in a row for which nobody named a time."""
    closings: int = 0
    probing: bool = False

    def close(self, until: datetime) -> None:
        """Let nothing through until then."""
        self.closings += 1
        self.closed_until = until


class Call:
    """One request under way, told by the platform's module what the answer says of budget and money."""

    def __init__(self, gate: Gate, endpoint: str, receipt: Receipt | None) -> None:
        self._gate = gate
        self._endpoint = endpoint
        self._receipt = receipt

    def budget(
        self, *, limit: int | None = None, remaining: int | None = None, reset_at: datetime | None = None
    ) -> None:
        """Note what the answer's headers say, whatever its status. None: they do not say."""
        self._gate.note_budget(self._endpoint, limit, remaining, reset_at)

    def charge(self, dollars: Decimal) -> None:
        """Note what the request really cost, in the place of its `cost`: nothing, if it never left."""
        if self._receipt is not None:
            self._gate.purse.settle(self._receipt, dollars)


class Gate:
    """One platform's gate. Safe to use from several threads."""

    def __init__(
        self,
        platform: str,
        clock: Clock | None = None,
        *,
        ledger: Ledger | None = None,
        pauses: Pauses | None = None,
        daily_cap: Decimal | None = None,
        warn_at: float = 0.8,
    ) -> None:
        """`daily_cap` is in US dollars for a UTC day, None for no cap; `warn_at` is a share of it.

        Without `ledger` and `pauses` the gate knows nothing of earlier processes.
        """
        self.platform = platform
        self.purse = Purse(platform, ledger or MemoryLedger(), daily_cap, warn_at)
        self._clock = clock or SystemClock()
        self._pauses = pauses or NoPauses()
        self._guard = threading.Lock()
        self._endpoints = {
            name: _Endpoint(closed_until=until)
            for name, until in self._pauses.standing(self._clock.now()).items()
        }

    @contextmanager
    def call(self, endpoint: str, *, cost: Decimal = NOTHING) -> Iterator[Call]:
        """The block makes one request to ``endpoint``, which costs at most so many US dollars.

        A `RateLimited` that leaves the block closes the endpoint until its time, or for a while that doubles
        where it names none; repeated `PlatformUnavailable` and `OutcomeUnknown` close it likewise. The error
        then carries the time at which the endpoint opens. What was paid stays paid unless the block says
        otherwise (`Call.charge`): platforms charge for some requests that fail.

        Raises:
            RateLimited: the request must not be made now.
        """
        admitted, probe = self._admit(endpoint)
        try:
            receipt = self.purse.pay(endpoint, cost, self._clock.now()) if cost else None
            with self._watched(endpoint, admitted, probe):
                yield Call(self, endpoint, receipt)
        finally:
            if probe:
                self._of(endpoint).probing = False

    @contextmanager
    def _watched(self, endpoint: str, admitted: int, probe: bool) -> Iterator[None]:
        try:
            yield
        except RateLimited as refusal:
            refusal.retry_at = self._refused(endpoint, admitted, refusal.retry_at)
            raise
        except (PlatformUnavailable, OutcomeUnknown):
            self._failed(endpoint, admitted, probe)
            raise
        except CredentialsRefused:
            raise  # says nothing of the endpoint
        except Exception:
            self._answered(endpoint, admitted)
            raise
        else:
            self._answered(endpoint, admitted)

    def note_budget(
        self, endpoint: str, limit: int | None, remaining: int | None, reset_at: datetime | None
    ) -> None:
        """Note what the platform says of an endpoint's budget."""
        now = self._clock.now()
        if reset_at is not None:
            reset_at = min(reset_at, now + LONGEST_NAMED_WAIT)
        with self._guard:
            known = self._of(endpoint)
            if known.remaining is not None and remaining is not None and reset_at == known.reset_at:
                # Answers come in any order: the one that leaves least was given last.
                remaining = min(known.remaining, remaining)
            known.limit = limit if limit is not None else known.limit
            if remaining is not None:
                known.remaining, known.reset_at = remaining, reset_at
        if remaining is not None and remaining <= 0 and reset_at is not None and now < reset_at:
            self._pauses.note(endpoint, reset_at)

    def budgets(self) -> Budgets:
        """What is known now, for operators."""
        now = self._clock.now()
        with self._guard:
            endpoints = {
                name: Budget(each.limit, each.remaining, each.reset_at, each.closed_until, each.failures)
                for name, each in sorted(self._endpoints.items())
            }
        purse = self.purse
        capped = purse.capped_on == now.date()
        return Budgets(self.platform, endpoints, purse.spent(now), purse.daily_cap, purse.warn_at, capped)

    def _of(self, endpoint: str) -> _Endpoint:
        return self._endpoints.setdefault(endpoint, _Endpoint())

    def _admit(self, endpoint: str) -> tuple[int, bool]:
        """How often the endpoint has been closed so far, and whether this request is to try it."""
        now = self._clock.now()
        with self._guard:
            known = self._of(endpoint)
            if known.closed_until is not None and now < known.closed_until:
                raise RateLimited(f"{self.platform} rests on {endpoint}", known.closed_until)
            if known.reset_at is not None and now >= known.reset_at:
                known.remaining = known.reset_at = None
            if known.remaining is not None and known.remaining <= 0 and known.reset_at is not None:
                raise RateLimited(f"{self.platform} allows no more of {endpoint}", known.reset_at)
            if known.probing:
                raise RateLimited(
                    f"{self.platform} is tried with one request to {endpoint}", now + PROBE_WAIT
                )
            known.probing = probe = known.closed_until is not None
            if known.remaining is not None:
                known.remaining -= 1
            return known.closings, probe

    def _refused(self, endpoint: str, admitted: int, named: datetime | None) -> datetime:
        now = self._clock.now()
        if named is not None and named <= now:
            named = None  # the clocks disagree: such a time would have the bot ask again at once
        with self._guard:
            known = self._of(endpoint)
            if known.closings > admitted and known.closed_until is not None:
                # Another request that was under way has been told already: one refusal, one pause.
                until = max(known.closed_until, named or now)
            else:
                known.failures += 1
                until = named or now + _unnamed_wait(known)
            until = min(until, now + LONGEST_NAMED_WAIT)
            known.close(until)
        self._pauses.note(endpoint, until)
        return until

    def _failed(self, endpoint: str, admitted: int, probe: bool) -> None:
        with self._guard:
            known = self._of(endpoint)
            if known.closings > admitted:
                return
            known.failures += 1
            if not probe and known.failures < FAILURES_TO_CLOSE:
                return
            until = self._clock.now() + _unnamed_wait(known)
            known.close(until)
        self._pauses.note(endpoint, until)

    def _answered(self, endpoint: str, admitted: int) -> None:
        with self._guard:
            known = self._of(endpoint)
            if known.closings == admitted:  # an answer to an older request says nothing of the pause
                known.failures, known.pauses, known.closed_until = 0, 0, None


def _unnamed_wait(known: _Endpoint) -> timedelta:
    doubled: float = 2.0 ** min(known.pauses, 10)
    wait = min(LONGEST_UNNAMED_WAIT, UNNAMED_WAIT * doubled)
    known.pauses += 1
    return wait * (1 + JITTER * random.random())
