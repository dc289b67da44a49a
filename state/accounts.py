"""Operators' accounts, and the browsers that are signed in with them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from state.base import Table
from state.errors import AlreadyThere, NotFound
from state.model import AccountRow, to_moment, to_text

COLUMNS = "id, name, role, password, subject, created_at, disabled_at"


class Accounts(Table):
    """Rows of `accounts` and `sessions`."""

    def add(self, name: str, role: str, *, password: str | None = None, subject: str | None = None) -> int:
        """Make an account; `password` is a hash.

        Raises:
            AlreadyThere: the name or the subject is taken.
        """
        with self._store.transaction() as db:
            row = db.execute(
                "INSERT INTO accounts (name, role, password, subject, created_at) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING RETURNING id",
                (name, role, password, subject, self._store.stamp()),
            ).fetchone()
        if row is None:
            raise AlreadyThere(f"there is an account {name!r} already; choose another name")
        return int(row[0])

    def any(self) -> bool:
        """Whether there is an account, also one that is disabled."""
        return self._store.row("SELECT 1 FROM accounts") is not None

    def admins(self) -> int:
        """How many accounts can be used as admin."""
        sql = "SELECT count(*) AS n FROM accounts WHERE role = 'admin' AND disabled_at IS NULL"
        row = self._store.row(sql)
        return int(row["n"]) if row else 0

    def all(self) -> Iterator[AccountRow]:
        """Every account, by name."""
        for row in self._store.rows(f"SELECT {COLUMNS} FROM accounts ORDER BY name"):
            yield _to_row(row)

    def named(self, name: str) -> AccountRow:
        """The account of that name, in whatever case.

        Raises:
            NotFound: there is none.
        """
        return self._one("name = ?", name)

    def of_subject(self, subject: str) -> AccountRow:
        """The account that signs in elsewhere as `subject`.

        Raises:
            NotFound: there is none.
        """
        return self._one("subject = ?", subject)

    def set_password(self, name: str, password: str) -> None:
        """Another password (a hash); every browser is signed out."""
        self._change(name, "password = ?", password)

    def set_role(self, name: str, role: str) -> None:
        """Another role, from the next request on."""
        self._change(name, "role = ?", role, sign_out=False)

    def disable(self, name: str) -> None:
        """Nobody signs in with it any more; every browser is signed out. Its deeds stay on record."""
        self._change(name, "disabled_at = ?", self._store.stamp())

    def enable(self, name: str) -> None:
        """It can be used again."""
        self._change(name, "disabled_at = NULL")

    def sign_in(self, account_id: int, token: str, lasting: timedelta) -> None:
        """Remember a browser; those whose time is over are forgotten."""
        now = self._store.now()
        with self._store.transaction() as db:
            db.execute("DELETE FROM sessions WHERE expires_at < ?", (to_text(now),))
            db.execute(
                "INSERT INTO sessions (token_hash, account_id, created_at, expires_at) VALUES (?, ?, ?, ?)",
                (_hash(token), account_id, to_text(now), to_text(now + lasting)),
            )

    def signed_in(self, token: str) -> AccountRow | None:
        """Whose browser this is, if it is signed in and the account can be used."""
        columns = ", ".join("a." + column for column in COLUMNS.split(", "))
        row = self._store.row(
            f"SELECT {columns} FROM sessions s JOIN accounts a ON a.id = s.account_id "
            "WHERE s.token_hash = ? AND s.expires_at >= ? AND a.disabled_at IS NULL",
            (_hash(token), self._store.stamp()),
        )
        return _to_row(row) if row else None

    def sign_out(self, token: str) -> None:
        """Forget a browser."""
        with self._store.transaction() as db:
            db.execute("DELETE FROM sessions WHERE token_hash = ?", (_hash(token),))

    def _one(self, where: str, value: str) -> AccountRow:
        row = self._store.row(f"SELECT {COLUMNS} FROM accounts WHERE {where}", (value,))
        if row is None:
            raise NotFound(f"there is no account {value!r}")
        return _to_row(row)

    def _change(self, name: str, change: str, *values: str, sign_out: bool = True) -> None:
        with self._store.transaction() as db:
            row = db.execute(
                f"UPDATE accounts SET {change} WHERE name = ? RETURNING id", (*values, name)
            ).fetchone()
            if row is None:
                raise NotFound(f"there is no account {name!r}")
            if sign_out:
                db.execute("DELETE FROM sessions WHERE account_id = ?", (row[0],))


def _hash(token: str) -> str:
    # The token is 256 random bits: a fast hash is enough to keep the file from holding keys.
    return hashlib.sha256(token.encode()).hexdigest()


def _to_row(row: dict[str, Any]) -> AccountRow:
    moments = {name: to_moment(row[name]) if row[name] else None for name in ("created_at", "disabled_at")}
    return AccountRow(**row | moments)
