"""Until when endpoints of platforms are to be left alone, and since when platforms refuse steps.

A pause binds every process that asks the platform, in either mode; a hold is about one mode's jobs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from state.base import Table
from state.model import Step, to_moment, to_text

if TYPE_CHECKING:
    from state.store import Store


class Pauses(Table):
    """Rows of `pauses`."""

    def of(self, platform: str) -> PlatformPauses:
        """One platform's pauses."""
        return PlatformPauses(self._store, platform)


class PlatformPauses:
    """One platform's pauses: `bot.platforms.gate.Pauses`."""

    def __init__(self, store: Store, platform: str) -> None:
        self._store = store
        self._platform = platform

    def standing(self, now: datetime) -> Mapping[str, datetime]:
        """The endpoints that are to be left alone, each with the time until which."""
        rows = self._store.rows(
            "SELECT endpoint, until FROM pauses WHERE platform = ? AND until > ?",
            (self._platform, to_text(now)),
        )
        return {row["endpoint"]: to_moment(row["until"]) for row in rows}

    def note(self, endpoint: str, until: datetime) -> None:
        """Keep a pause in the place of the endpoint's last one."""
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO pauses (platform, endpoint, until) VALUES (?, ?, ?) "
                "ON CONFLICT (platform, endpoint) DO UPDATE SET until = excluded.until",
                (self._platform, endpoint, to_text(until)),
            )


@dataclass(frozen=True, slots=True)
class HoldRow:
    """One row of `holds`: a platform has let no step of this kind through since then."""

    platform: str
    step: Step
    reason: str
    since: datetime


class Holds(Table):
    """Rows of `holds`, in the store's mode."""

    def begin(self, platform: str, step: Step, reason: str) -> None:
        """The platform refused a step; ``since`` stays where it has refused it before."""
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO holds (mode, platform, step, reason, since) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (mode, platform, step) DO UPDATE SET reason = excluded.reason",
                (self._store.mode, platform, step, reason, self._store.stamp()),
            )

    def end(self, platform: str, step: Step) -> None:
        """The platform has let such a step through."""
        with self._store.transaction() as db:
            db.execute(
                "DELETE FROM holds WHERE mode = ? AND platform = ? AND step = ?",
                (self._store.mode, platform, step),
            )

    def all(self) -> Iterator[HoldRow]:
        """What is held now."""
        for row in self._store.rows(
            "SELECT platform, step, reason, since FROM holds WHERE mode = ? ORDER BY platform, step",
            (self._store.mode,),
        ):
            yield HoldRow(row["platform"], Step(row["step"]), row["reason"], to_moment(row["since"]))
