"""Whom operators have turned away, and what they have switched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from state.base import Table
from state.model import to_moment

PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class BlockRow:
    """One row of `blocks`. Without ``platform_id`` whoever has the handle is meant."""

    id: int
    platform: str
    platform_id: str | None
    handle: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SwitchRow:
    """One row of `switches`."""

    is_on: bool
    reason: str
    by: str
    at: datetime


def plain_handle(handle: str) -> str:
    """A handle as it is compared: in small letters, without the leading @."""
    return handle.strip().removeprefix("@").casefold()


class Blocks(Table):
    """Rows of `blocks`."""

    def add(
        self, platform: str, handle: str, *, platform_id: str | None = None, reason: str = "", by: str
    ) -> int:
        """Turn somebody away; who is turned away already keeps the row, with the new reason.

        Returns:
            The row's id.

        Raises:
            ValueError: the handle is empty.
        """
        plain = plain_handle(handle)
        if not plain:
            raise ValueError("there is no handle; name whom to block")
        target = "platform_id" if platform_id is not None else "handle"
        which = "IS NOT NULL" if platform_id is not None else "IS NULL"
        with self._store.transaction() as db:
            row = db.execute(
                "INSERT INTO blocks (platform, platform_id, handle, reason, by, at) "
                "VALUES (?, ?, ?, ?, ?, ?) "
                f"ON CONFLICT (platform, {target}) WHERE platform_id {which} "
                "DO UPDATE SET handle = excluded.handle, reason = excluded.reason, by = excluded.by, "
                "at = excluded.at RETURNING id",
                (platform, platform_id, plain, reason, by, self._store.stamp()),
            ).fetchone()
            self._store.events.add(
                "blocked", data={"platform": platform, "handle": plain, "reason": reason, "by": by}
            )
        return int(row[0])

    def remove(self, platform: str, handle: str, *, by: str) -> int:
        """Take back every block under this handle; returns how many there were."""
        plain = plain_handle(handle)
        with self._store.transaction() as db:
            sql = "DELETE FROM blocks WHERE platform = ? AND handle = ?"
            gone = db.execute(sql, (platform, plain)).rowcount
            if gone:
                self._store.events.add("unblocked", data={"platform": platform, "handle": plain, "by": by})
        return int(gone)

    def list(self) -> list[BlockRow]:
        """Everybody who is turned away, the latest first."""
        rows = self._store.rows(
            "SELECT id, platform, platform_id, handle, reason, by, at FROM blocks ORDER BY id DESC"
        )
        return [BlockRow(**row | {"at": to_moment(row["at"])}) for row in rows]

    def holds(self, platform: str, platform_id: str, handle: str) -> bool:
        """Whether this person is turned away."""
        sql = (
            "SELECT 1 FROM blocks WHERE platform = ? AND platform_id = ? "
            "UNION ALL SELECT 1 FROM blocks WHERE platform = ? AND handle = ? AND platform_id IS NULL"
        )
        parameters = (platform, platform_id, platform, plain_handle(handle))
        return self._store.row(sql, parameters) is not None


class Switches(Table):
    """Rows of `switches`: what holds at once, in every process that works on this file."""

    def set(self, name: str, *, is_on: bool, by: str, reason: str = "") -> None:
        """Switch something on or off."""
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO switches (name, is_on, reason, by, at) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET is_on = excluded.is_on, reason = excluded.reason, "
                "by = excluded.by, at = excluded.at",
                (name, int(is_on), reason, by, self._store.stamp()),
            )
            self._store.events.add(
                "switched", data={"name": name, "is_on": is_on, "reason": reason, "by": by}
            )

    def get(self, name: str) -> SwitchRow | None:
        """How a switch stands and since when; None where nobody has ever touched it."""
        row = self._store.row("SELECT is_on, reason, by, at FROM switches WHERE name = ?", (name,))
        if row is None:
            return None
        return SwitchRow(**row | {"is_on": bool(row["is_on"]), "at": to_moment(row["at"])})

    def is_on(self, name: str) -> bool:
        """Whether it is on; one that nobody has touched is off."""
        row = self.get(name)
        return row is not None and row.is_on
