"""Figures of the whole: what was done, what waits, what failed, by the hour and by reason."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from state.base import Table
from state.model import to_moment, to_text


@dataclass(frozen=True, slots=True)
class Waiting:
    """Jobs of one platform and step; ``oldest`` is when the longest-waiting one was queued."""

    platform: str
    step: str
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Failure:
    """Mentions that ended for one reason."""

    reason: str
    count: int
    latest: datetime


@dataclass(frozen=True, slots=True)
class Hour:
    """Mentions that came to their end within one hour, by how."""

    start: datetime
    answered: int
    failed: int
    ignored: int


class Figures(Table):
    """Counts over the tables, for operators and for Prometheus; all of the mode that runs."""

    def waiting(self) -> list[Waiting]:
        """What is queued or claimed, by platform and step."""
        rows = self._store.rows(
            "SELECT platform, step, count(*) AS count, min(queued_at) AS oldest FROM jobs WHERE mode = ? "
            "AND step <> 'notice' GROUP BY platform, step ORDER BY platform, step",
            (self._store.mode,),
        )
        return [Waiting(**row | {"oldest": to_moment(row["oldest"])}) for row in rows]

    def replies(self) -> dict[tuple[str, str], int]:
        """How many replies there are, by kind and state."""
        rows = self._store.rows(
            "SELECT r.kind, r.state, count(*) AS count FROM replies r JOIN mentions m ON m.id = r.mention_id "
            "WHERE m.mode = ? GROUP BY r.kind, r.state",
            (self._store.mode,),
        )
        return {(row["kind"], row["state"]): int(row["count"]) for row in rows}

    def failures(self, since: datetime) -> list[Failure]:
        """Why mentions failed since then, the most frequent reason first."""
        rows = self._store.rows(
            "SELECT coalesce(reason, 'unknown') AS reason, count(*) AS count, max(closed_at) AS latest "
            "FROM mentions WHERE mode = ? AND state = 'failed' AND closed_at >= ? "
            "GROUP BY reason ORDER BY count DESC, reason",
            (self._store.mode, to_text(since)),
        )
        return [Failure(**row | {"latest": to_moment(row["latest"])}) for row in rows]

    def hours(self, count: int) -> list[Hour]:
        """The last so many hours, oldest first, also those in which nothing ended."""
        last = self._store.now().replace(minute=0, second=0, microsecond=0)
        starts = [last - timedelta(hours=back) for back in reversed(range(count))]
        rows = self._store.rows(
            "SELECT substr(closed_at, 1, 13) AS hour, state, count(*) AS count FROM mentions "
            "WHERE mode = ? AND closed_at >= ? GROUP BY hour, state",
            (self._store.mode, to_text(starts[0])),
        )
        found = {(row["hour"], row["state"]): int(row["count"]) for row in rows}

        def of(start: datetime, state: str) -> int:
            return found.get((to_text(start)[:13], state), 0)

        return [
            Hour(start, of(start, "answered"), of(start, "failed"), of(start, "ignored")) for start in starts
        ]

    def stage_seconds(self, latest: int) -> dict[str, list[float]]:
        """Seconds by stage of the engine, in the latest so many analyses.

        A detector's (``detector:NAME``) are those of media that it judged; what it leaves alone costs none.
        """
        found: dict[str, list[float]] = {}
        sql = """SELECT timing, (SELECT json_group_array('detector:' || detector) FROM scores
                                 WHERE analysis_id = analyses.id AND NOT applicable) AS left_alone
                 FROM analyses ORDER BY id DESC LIMIT ?"""
        for row in self._store.rows(sql, (latest,)):
            left_alone = set(json.loads(row["left_alone"]))
            for stage, seconds in json.loads(row["timing"]).items():
                if stage not in left_alone:
                    found.setdefault(stage, []).append(float(seconds))
        return found
