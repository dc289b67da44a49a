"""How far each platform's mentions have been stored."""

from __future__ import annotations

from state.base import Table


class Cursors(Table):
    """One opaque cursor per platform and mode."""

    def get(self, platform: str) -> str | None:
        """The stored cursor, None before the first start."""
        row = self._store.row(
            "SELECT cursor FROM cursors WHERE platform = ? AND mode = ?", (platform, self._store.mode)
        )
        return row["cursor"] if row else None

    def set(self, platform: str, cursor: str) -> None:
        """Store a cursor; call it only after the page that it stands behind is stored."""
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO cursors (platform, mode, cursor, stored_at) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (platform, mode) DO UPDATE "
                "SET cursor = excluded.cursor, stored_at = excluded.stored_at",
                (platform, self._store.mode, cursor, self._store.stamp()),
            )
