"""Platforms that would say no: which kind of step they refuse, until when to wait, and since when they do.

A platform that asks one job to wait would say the same to the next, so all jobs of that kind wait together.
How long they have done so is kept in the store, since a restart makes nobody wait any shorter.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import datetime, timedelta

from state.model import Job, Step
from state.pauses import HoldRow
from state.store import Store

HOLDING = {"rate_limited", "credentials_refused"}
"""The reasons that a platform would give to the next job as well."""

STALE = timedelta(hours=1)
"""A hold that was over for so long without another try, as after a pause, must first be confirmed by one."""


class Holds:
    """What is held. Safe to use from several threads."""

    def __init__(self, store: Store, give_up_after: timedelta) -> None:
        """`give_up_after`: how long one job may be held before it ends as too late."""
        self._store = store
        self._give_up_after = give_up_after
        self._until: dict[tuple[Step, str], datetime] = {}
        self._limited_until: dict[tuple[Step, str], datetime] = {}
        self._standing = {(row.step, row.platform): row for row in store.holds.all()}
        self._refused: dict[tuple[Step, str], set[int]] = {}
        self._passed_at: dict[tuple[Step, str], datetime] = {}
        self._guard = threading.Lock()

    def begin(self, job: Job, reason: str, until: datetime) -> bool:
        """The platform refused this job; leave it alone until then.

        Returns:
            Whether the job keeps its turn: it does once. The second time others go first, in case that it is
            this job alone that is refused.
        """
        key = job.step, job.platform
        with self._guard:
            self._until[key] = until
            if reason == "rate_limited":
                self._limited_until[key] = until
            refused = self._refused.setdefault(key, set())
            keeps_turn = job.id not in refused
            refused.add(job.id)
            known = self._standing.get(key)
            if known is not None and known.reason == reason:
                return keeps_turn
            since = known.since if known is not None else self._store.now()
            self._standing[key] = HoldRow(job.platform, job.step, reason, since)
        self._store.holds.begin(job.platform, job.step, reason)
        return keeps_turn

    def passed(self, job: Job) -> None:
        """The platform let this job through."""
        with self._guard:
            self._passed_at[job.step, job.platform] = self._store.now()
            known = self._standing.pop((job.step, job.platform), None)
            self._refused.pop((job.step, job.platform), None)
        if known is not None:
            self._store.holds.end(job.platform, job.step)

    def passed_lately(self, step: Step, platform: str, lately: timedelta) -> bool:
        """Whether the platform let a job of this kind through so lately, as far as this process knows."""
        with self._guard:
            at = self._passed_at.get((step, platform))
        return at is not None and self._store.now() <= at + lately

    def free(self, step: Step, platforms: Iterable[str]) -> list[str]:
        """The platforms that may be asked now."""
        now = self._store.now()
        return [name for name in platforms if self._until.get((step, name), now) <= now]

    def asked_to_wait(self, step: Step, platform: str, lately: timedelta) -> bool:
        """Whether the platform's limit holds this step back, or did lately, for what then queued up."""
        key = step, platform
        with self._guard:
            until, standing = self._limited_until.get(key), self._standing.get(key)
        if until is None:  # since the start nothing has been tried yet
            return standing is not None and standing.reason == "rate_limited"
        return self._store.now() <= until + lately

    def too_late(self, step: Step, platforms: Iterable[str]) -> list[str]:
        """The platforms that have refused for so long that jobs as old as that come too late."""
        return [name for name in platforms if self._is_too_late((step, name))]

    def _is_too_late(self, key: tuple[Step, str]) -> bool:
        row, until = self._standing.get(key), self._until.get(key)
        if row is None or until is None or self._store.now() > until + STALE:
            return False
        return row.since <= self.give_up_before()

    def give_up_before(self) -> datetime:
        """Jobs that were queued before then, and held ever since, have waited long enough."""
        return self._store.now() - self._give_up_after

    def standing(self) -> tuple[HoldRow, ...]:
        """What is held now, for operators."""
        with self._guard:
            return tuple(self._standing.values())
