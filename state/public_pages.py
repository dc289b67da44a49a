"""The public pages of verdicts: which mention has one, under which name, and whether it was taken down."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from state.base import Table
from state.errors import NotFound
from state.model import to_moment

_COLUMNS: Final = "token, mention_id, created_at, removed_at"
_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class PublicPage:
    """One row of `public_pages`. ``token`` is 128 random bits in letters that stand in an address."""

    token: str
    mention_id: int
    created_at: datetime
    removed_at: datetime | None


class PublicPages(Table):
    """Rows of `public_pages`."""

    def add(self, mention_id: int) -> PublicPage:
        """The page of a mention, made where there is none yet."""
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO public_pages (token, mention_id, created_at) VALUES (?, ?, ?) "
                "ON CONFLICT (mention_id) DO NOTHING",
                (secrets.token_urlsafe(_BYTES), mention_id, self._store.stamp()),
            )
            found = self.of_mention(mention_id)
        assert found is not None
        return found

    def of_mention(self, mention_id: int) -> PublicPage | None:
        """The page of a mention, if it has one."""
        row = self._store.row(f"SELECT {_COLUMNS} FROM public_pages WHERE mention_id = ?", (mention_id,))
        return _to_page(row) if row else None

    def get(self, token: str) -> PublicPage:
        """A page of the running mode by its name.

        Raises:
            NotFound: there is none.
        """
        row = self._store.row(
            f"SELECT {_COLUMNS} FROM public_pages WHERE token = ? "
            "AND (SELECT mode FROM mentions WHERE id = mention_id) = ?",
            (token, self._store.mode),
        )
        if row is None:
            raise NotFound("there is no public page of that name")
        return _to_page(row)

    def latest(self, limit: int) -> list[PublicPage]:
        """The newest pages of the running mode first."""
        rows = self._store.rows(
            f"SELECT {_COLUMNS} FROM public_pages "
            "WHERE (SELECT mode FROM mentions WHERE id = mention_id) = ? ORDER BY id DESC LIMIT ?",
            (self._store.mode, limit),
        )
        return [_to_page(row) for row in rows]

    def remove(self, token: str) -> bool:
        """Take a page down; False where it was down already, or there is none."""
        with self._store.transaction() as db:
            changed = db.execute(
                "UPDATE public_pages SET removed_at = ? WHERE token = ? AND removed_at IS NULL",
                (self._store.stamp(), token),
            )
        return changed.rowcount == 1

    def restore(self, token: str) -> bool:
        """Show a page again that was taken down; False where it is up, or there is none."""
        with self._store.transaction() as db:
            changed = db.execute(
                "UPDATE public_pages SET removed_at = NULL WHERE token = ? AND removed_at IS NOT NULL",
                (token,),
            )
        return changed.rowcount == 1


def _to_page(row: dict[str, Any]) -> PublicPage:
    removed = row["removed_at"]
    return PublicPage(
        row["token"],
        row["mention_id"],
        to_moment(row["created_at"]),
        to_moment(removed) if removed else None,
    )
