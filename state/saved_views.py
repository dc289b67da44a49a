"""Filters of the queue that operators have kept under names of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from state.base import Table

MOST: Final = 20
"""Views that one operator may keep: each is counted on every page."""


@dataclass(frozen=True, slots=True)
class SavedView:
    """One row of `saved_views`; ``query`` is that of the queue's address."""

    id: int
    name: str
    query: str


class SavedViews(Table):
    """Rows of `saved_views`."""

    def of(self, owner: str) -> list[SavedView]:
        """What this operator has kept, in the order of the names."""
        rows = self._store.rows(
            "SELECT id, name, query FROM saved_views WHERE owner = ? ORDER BY name", (owner,)
        )
        return [SavedView(**row) for row in rows]

    def save(self, owner: str, name: str, query: str) -> bool:
        """Keep a view, in place of one of the same name; False where there are too many."""
        with self._store.transaction() as db:
            names = {view.name for view in self.of(owner)}
            if name not in names and len(names) >= MOST:
                return False
            db.execute(
                "INSERT INTO saved_views (owner, name, query, created_at) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (owner, name) DO UPDATE SET query = excluded.query",
                (owner, name, query, self._store.stamp()),
            )
        return True

    def remove(self, owner: str, view_id: int) -> bool:
        """Forget a view of this operator's; False where it is not theirs or not there."""
        with self._store.transaction() as db:
            gone = db.execute("DELETE FROM saved_views WHERE id = ? AND owner = ?", (view_id, owner))
            return gone.rowcount == 1
