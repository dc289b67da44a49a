"""The log of everything that happened: append-only, in order."""

from __future__ import annotations

import json
from collections.abc import Iterator

from state.base import Table, to_json
from state.model import EventRow, Json, to_moment


class Events(Table):
    """Write in the transaction of the change that is told, so that log and rows never disagree."""

    def add(self, name: str, mention_id: int | None = None, data: Json | None = None) -> None:
        """Append one event."""
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO events (at, mode, name, mention_id, data) VALUES (?, ?, ?, ?, ?)",
                (self._store.stamp(), self._store.mode, name, mention_id, to_json(dict(data or {}))),
            )

    def of_none(self, limit: int) -> Iterator[EventRow]:
        """The latest events that belong to no mention, newest first."""
        for row in self._store.rows(
            "SELECT at, name, mention_id, data FROM events WHERE mention_id IS NULL AND mode = ? "
            "ORDER BY id DESC LIMIT ?",
            (self._store.mode, limit),
        ):
            yield EventRow(to_moment(row["at"]), row["name"], row["mention_id"], json.loads(row["data"]))

    def of_mention(self, mention_id: int) -> Iterator[EventRow]:
        """The whole story of one mention, oldest first."""
        for row in self._store.rows(
            "SELECT at, name, mention_id, data FROM events WHERE mention_id = ? ORDER BY id", (mention_id,)
        ):
            yield EventRow(to_moment(row["at"]), row["name"], row["mention_id"], json.loads(row["data"]))
