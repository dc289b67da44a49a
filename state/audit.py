"""The audit log: what operators did, to what, and whether it was undone."""

from __future__ import annotations

import json
from typing import Any

from state.base import Table, to_json
from state.errors import NotFound
from state.model import AuditRow, Json, to_moment

COLUMNS = "id, at, mode, actor, action, subject, data, undone_by"


class Audit(Table):
    """Rows of `audit`."""

    def add(self, actor: str, action: str, subject: str, data: Json | None = None) -> int:
        """Note an action; call inside the transaction that carries it out.

        Returns:
            The row's id, by which it can be undone.
        """
        with self._store.transaction() as db:
            row = db.execute(
                "INSERT INTO audit (at, mode, actor, action, subject, data) "
                "VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
                (self._store.stamp(), self._store.mode, actor, action, subject, to_json(data or {})),
            ).fetchone()
        return int(row[0])

    def get(self, audit_id: int) -> AuditRow:
        """One action.

        Raises:
            NotFound: there is none.
        """
        row = self._store.row(f"SELECT {COLUMNS} FROM audit WHERE id = ?", (audit_id,))
        if row is None:
            raise NotFound(f"there is no action {audit_id}")
        return _to_row(row)

    def undone(self, audit_id: int, by: int) -> bool:
        """Note that an action was undone by another.

        Returns:
            False where it had been undone before.
        """
        with self._store.transaction() as db:
            changed = db.execute(
                "UPDATE audit SET undone_by = ? WHERE id = ? AND undone_by IS NULL", (by, audit_id)
            )
        return changed.rowcount == 1

    def latest(self, *, before: int | None = None, limit: int = 50) -> list[AuditRow]:
        """The newest actions first, behind the one with id `before`."""
        sql = f"SELECT {COLUMNS} FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?"
        return [_to_row(row) for row in self._store.rows(sql, (before or 2**62, limit))]

    def of(self, *subjects: str, limit: int = 50) -> list[AuditRow]:
        """The newest actions on any of these subjects first."""
        marks = ", ".join("?" * len(subjects))
        sql = f"SELECT {COLUMNS} FROM audit WHERE subject IN ({marks}) ORDER BY id DESC LIMIT ?"
        return [_to_row(row) for row in self._store.rows(sql, (*subjects, limit))]


def _to_row(row: dict[str, Any]) -> AuditRow:
    return AuditRow(**row | {"at": to_moment(row["at"]), "data": json.loads(row["data"])})
