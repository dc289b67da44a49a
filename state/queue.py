"""The queue of steps: claimed under a lease, retried with back-off, given up with a name.

Oldest first: a step becomes due at the time of the mention that it serves, so an old mention never starves
behind new ones. One asker's mentions are resolved one after another, so that of two for the same post the
first is answered. Every operation touches the rows it returns and an index, whatever the backlog.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from state.base import Table
from state.errors import LeaseLost
from state.model import Job, Step, to_moment, to_text

if TYPE_CHECKING:
    from state.store import Store


# An earlier mention that waits for a later try holds nobody up. `state <> 'ignored'` is for the index.
NO_EARLIER_OF_ASKER = (
    "AND NOT EXISTS (SELECT 1 FROM mentions this "
    "JOIN mentions earlier ON earlier.asker_id = this.asker_id AND earlier.mode = this.mode "
    "AND earlier.state = 'seen' AND (earlier.created_at, earlier.id) < (this.created_at, this.id) "
    "JOIN jobs before ON before.step = 'resolve' AND before.subject_id = earlier.id "
    "WHERE this.id = jobs.subject_id AND (before.lease IS NOT NULL OR before.due_at <= ?)) "
)


class Queue(Table):
    """Rows of `jobs`."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._process = os.urandom(8).hex()
        self._claims = itertools.count()

    def add(
        self, step: Step, platform: str, subject_id: int, due_at: datetime, *, afresh: bool = False
    ) -> None:
        """Queue a step; the same step of the same subject is queued once."""
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO jobs (mode, platform, step, subject_id, queued_at, due_at, afresh) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (step, subject_id) DO NOTHING",
                (
                    self._store.mode,
                    platform,
                    step,
                    subject_id,
                    self._store.stamp(),
                    to_text(due_at),
                    int(afresh),
                ),
            )

    def claim(
        self,
        step: Step,
        platforms: Sequence[str],
        limit: int,
        lease: timedelta,
        queued_before: datetime | None = None,
    ) -> list[Job]:
        """Take up to `limit` due steps of these platforms, oldest first, for the time of the lease."""
        if not platforms:
            return []
        now = self._store.now()
        conditions, more = "", []
        if step is Step.RESOLVE:
            conditions, more = NO_EARLIER_OF_ASKER, [to_text(now)]
        if queued_before is not None:
            conditions, more = f"{conditions}AND queued_at < ? ", [*more, to_text(queued_before)]
        token = f"{self._process}-{next(self._claims)}"
        with self._store.transaction() as db:
            self._recover("lease_until < ?", (to_text(now),))
            marks = ", ".join("?" * len(platforms))
            rows = db.execute(
                "UPDATE jobs SET lease = ?, lease_until = ? WHERE id IN (SELECT id FROM jobs "
                f"WHERE lease IS NULL AND mode = ? AND step = ? AND due_at <= ? AND platform IN ({marks}) "
                f"{conditions}ORDER BY due_at, id LIMIT ?) "
                "RETURNING id, platform, step, subject_id, lease, attempts, interruptions, afresh, due_at",
                (token, to_text(now + lease), self._store.mode, step, to_text(now), *platforms, *more, limit),
            ).fetchall()
        rows.sort(key=lambda row: (row[8], row[0]))
        return [_to_job(*row[:8]) for row in rows]

    def renew(self, jobs: Sequence[Job], lease: timedelta) -> None:
        """Let the leases of these steps run anew; one that is lost already stays lost."""
        until = to_text(self._store.now() + lease)
        with self._store.transaction() as db:
            db.executemany(
                "UPDATE jobs SET lease_until = ? WHERE id = ? AND lease = ?",
                [(until, job.id, job.lease) for job in jobs],
            )

    def recover_all(self) -> int:
        """Free every lease: call it once at start, when no other process can be at work on this file."""
        with self._store.transaction():
            return self._recover("lease IS NOT NULL", ())

    def _recover(self, condition: str, parameters: tuple[str, ...]) -> int:
        cursor = self._store.db.execute(
            "UPDATE jobs SET lease = NULL, lease_until = NULL, interruptions = interruptions + 1 "
            f"WHERE lease IS NOT NULL AND {condition}",
            parameters,
        )
        return int(cursor.rowcount)

    def finish(self, job: Job) -> None:
        """The step is done.

        Raises:
            LeaseLost: it is no longer ours.
        """
        self._require(job, "DELETE FROM jobs WHERE id = ? AND lease = ?", ())

    def postpone(self, job: Job, until: datetime | None, *, failed: bool) -> None:
        """Give the step back until then, None: to its old place; `failed` counts it as an attempt.

        Raises:
            LeaseLost: it is no longer ours.
        """
        self._require(
            job,
            "UPDATE jobs SET lease = NULL, lease_until = NULL, due_at = coalesce(?, due_at), "
            "attempts = attempts + ? WHERE id = ? AND lease = ?",
            (to_text(until) if until is not None else None, int(failed)),
        )

    def cancel(self, step: Step, subject_id: int) -> bool:
        """Take a step out of the queue, if it is there and nobody works on it; returns whether it was so."""
        with self._store.transaction() as db:
            cancelled = db.execute(
                "DELETE FROM jobs WHERE step = ? AND subject_id = ? AND lease IS NULL", (step, subject_id)
            )
        return cancelled.rowcount == 1

    def _require(self, job: Job, sql: str, parameters: tuple[str | int | None, ...]) -> None:
        with self._store.transaction() as db:
            if db.execute(sql, (*parameters, job.id, job.lease)).rowcount != 1:
                raise LeaseLost(f"the lease of {job.step} job {job.id} ran out before it was finished")

    def open_count(self, platforms: Sequence[str], *steps: Step) -> int:
        """How many of these steps are queued or claimed."""
        if not platforms:
            return 0
        marks, kinds = ", ".join("?" * len(platforms)), ", ".join("?" * len(steps))
        row = self._store.row(
            f"SELECT count(*) AS n FROM jobs WHERE mode = ? AND platform IN ({marks}) AND step IN ({kinds})",
            (self._store.mode, *platforms, *steps),
        )
        return int(row["n"]) if row else 0

    def count(self, step: Step) -> int:
        """How many steps of this kind are queued or claimed, on every platform."""
        row = self._store.row(
            "SELECT count(*) AS n FROM jobs WHERE mode = ? AND step = ?", (self._store.mode, step)
        )
        return int(row["n"]) if row else 0

    def waiting(self, step: Step, *, without: Sequence[str] = ()) -> timedelta:
        """How long the next step of this kind has been free to be taken; zero where none is.

        Args:
            without: platforms that do not count. Their steps are walked over: not for a hot path.
        """
        row = self._store.row(
            "SELECT max(queued_at, due_at) AS since FROM jobs WHERE lease IS NULL AND mode = ? AND step = ? "
            f"AND platform NOT IN ({', '.join('?' * len(without))}) ORDER BY due_at, id LIMIT 1",
            (self._store.mode, step, *without),
        )
        none = timedelta(0)
        return max(self._store.now() - to_moment(row["since"]), none) if row else none


def _to_job(
    job_id: int,
    platform: str,
    step: str,
    subject_id: int,
    lease: str,
    attempts: int,
    interruptions: int,
    afresh: int,
) -> Job:
    return Job(job_id, platform, Step(step), subject_id, lease, attempts, interruptions, bool(afresh))
