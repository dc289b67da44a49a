"""Keys of the read-only interface: shown once, kept as hashes."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from state.base import Table
from state.errors import AlreadyThere, NotFound
from state.model import to_moment, to_text

PREFIX = "veritag_"
_USE_IS_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """One row of `api_keys`, without the hash."""

    id: int
    name: str
    created_at: datetime
    used_at: datetime | None
    disabled_at: datetime | None


class ApiKeys(Table):
    """Rows of `api_keys`."""

    def add(self, name: str) -> str:
        """Make a key; what it returns is nowhere kept.

        Raises:
            AlreadyThere: a key of that name is there.
        """
        key = PREFIX + secrets.token_urlsafe(32)
        with self._store.transaction() as db:
            added = db.execute(
                "INSERT INTO api_keys (name, key_hash, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (name, _hash(key), self._store.stamp()),
            )
        if added.rowcount != 1:
            raise AlreadyThere(f"there is a key {name!r} already; choose another name")
        return key

    def admit(self, key: str) -> ApiKeyRow | None:
        """Whose key this is, if it may be used; notes that it was."""
        row = self._store.row(
            "SELECT id, name, created_at, used_at, disabled_at FROM api_keys "
            "WHERE key_hash = ? AND disabled_at IS NULL",
            (_hash(key),),
        )
        if row is None:
            return None
        found, now = _to_row(row), self._store.now()
        # Not at each request: reading must not keep the writer of the file waiting.
        if found.used_at is None or now - found.used_at >= _USE_IS_NOTED_EVERY:
            with self._store.transaction() as db:
                db.execute("UPDATE api_keys SET used_at = ? WHERE id = ?", (to_text(now), found.id))
        return found

    def all(self) -> list[ApiKeyRow]:
        """Every key, by name."""
        sql = "SELECT id, name, created_at, used_at, disabled_at FROM api_keys ORDER BY name"
        return [_to_row(row) for row in self._store.rows(sql)]

    def disable(self, name: str) -> None:
        """The key is refused from now on.

        Raises:
            NotFound: there is none of that name.
        """
        with self._store.transaction() as db:
            changed = db.execute(
                "UPDATE api_keys SET disabled_at = coalesce(disabled_at, ?) WHERE name = ?",
                (self._store.stamp(), name),
            )
        if changed.rowcount != 1:
            raise NotFound(f"there is no key {name!r}")


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _to_row(row: dict[str, Any]) -> ApiKeyRow:
    moments = {n: to_moment(row[n]) if row[n] else None for n in ("created_at", "used_at", "disabled_at")}
    return ApiKeyRow(**row | moments)
