"""The operators' queue: mentions with their verdict, filtered, sorted and paged, never read as a whole.

A page is found from where the last one ended (keyset paging), along the index of its order or, where a filter
leaves few rows, along that filter's index. `state/derived/queue.sql` keeps the table.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from state.base import Table
from state.model import MentionState, to_moment, to_text
from state.searching import match
from state.triage_model import Cursor, Filters, Order, TriageMedium, TriagePage, TriageRow

FEW: Final = 10_000
"""A filter that leaves fewer rows than this is worth sorting them for."""
NEWEST_MATCHES: Final = 5_000
"""So many of the newest mentions with the words that are searched for are looked at."""

_FILTERED: Final = {  # the fields of `Filters` that name values: column and index
    "bands": ("band", "triage_by_band"),
    "states": ("state", "triage_by_state"),
    "replies": ("reply", "triage_by_reply"),
    "reviews": ("review", "triage_by_review"),
    "platforms": ("platform", "triage_by_platform"),
    "languages": ("language", "triage_by_language"),
}
_ORDERED: Final = {  # the other orders have the name of their column
    Order.NEWEST: "triage_newest",
    Order.DOUBT: "triage_by_doubt",
    Order.REACH: "triage_by_reach",
    Order.SPREAD: "triage_by_spread",
}
_ROWS: Final = (
    "SELECT t.mention_id, t.mode, t.platform, t.state, t.seen_at, t.language, t.target_id, t.band, "
    "t.probability, t.spread, t.reply, t.review, "
    "(SELECT l.reach FROM triage l WHERE l.target_id = t.target_id AND l.mode = t.mode "
    "AND l.reach IS NOT NULL) AS reach, "
    "m.reason, m.created_at, p.author_handle AS asker, p.text, o.author_handle AS author, "
    "o.text AS target_text "
    "FROM json_each(?) AS wanted CROSS JOIN triage t ON t.mention_id = wanted.value "
    "JOIN mentions m ON m.id = t.mention_id JOIN posts p ON p.id = m.post_id "
    "LEFT JOIN posts o ON o.id = m.target_id ORDER BY wanted.key"
)
_MEDIA: Final = (
    "SELECT pm.post_id, md.sha256, md.mime, a.kind, md.deleted_at IS NOT NULL AS deleted, "
    "pm.sensitive, "
    "coalesce(pm.reason, a.reason) AS reason, pm.alt_text, v.band, v.probability, v.policy, v.calibration "
    "FROM json_each(?) AS wanted CROSS JOIN post_media pm ON pm.post_id = wanted.value "
    "LEFT JOIN media md ON md.id = pm.media_id "
    "LEFT JOIN analyses a ON a.id = (SELECT max(n.id) FROM analyses n WHERE n.media_id = pm.media_id) "
    "LEFT JOIN verdicts v ON v.analysis_id = a.id ORDER BY pm.post_id, pm.position"
)


@dataclass(frozen=True, slots=True)
class _Sql:
    """A part of a statement, and the values in its places."""

    text: str
    values: tuple[Any, ...]


class Triage(Table):
    """Rows of `triage`, read only."""

    def page(self, filters: Filters, cursor: Cursor | None = None, limit: int = 50) -> TriagePage:
        """The mentions behind a cursor, or the first ones."""
        column = "mention_id" if filters.order is Order.NEWEST else filters.order.value
        back = cursor is not None and cursor.back
        rows = self._rows_of(filters, cursor)
        way = "ASC" if back else "DESC"
        order = f"t.{column} {way}" + ("" if column == "mention_id" else f", t.mention_id {way}")
        found = list(
            self._store.rows(
                f"SELECT t.mention_id AS id, t.{column} AS key {rows.text} ORDER BY {order} LIMIT ?",
                (*rows.values, limit + 1),
            )
        )
        more, found = len(found) > limit, found[:limit]
        if back:
            found.reverse()
        if not found:
            return TriagePage((), None, None)
        before, behind = (more, True) if back else (cursor is not None, more)
        first, last = found[0], found[-1]
        return TriagePage(
            self.rows([row["id"] for row in found]),
            newer=Cursor(first["key"], first["id"], back=True) if before else None,
            older=Cursor(last["key"], last["id"]) if behind else None,
        )

    def count(self, filters: Filters, at_most: int) -> int:
        """How many mentions there are, counted no further than ``at_most``."""
        return self._number(self._rows_of(filters), at_most)

    def newer(self, filters: Filters, mention_id: int, at_most: int) -> int:
        """How many mentions came after this one, counted no further than ``at_most``."""
        rows = self._rows_of(replace(filters, order=Order.NEWEST))
        return self._number(_Sql(f"{rows.text} AND t.mention_id > ?", (*rows.values, mention_id)), at_most)

    def matches(self, words: str) -> int:
        """How many mentions the words occur in, counted no further than are looked at."""
        return self._number(_Sql("FROM search WHERE search MATCH ?", (match(words),)), NEWEST_MATCHES)

    def latest(self, filters: Filters) -> int:
        """The newest mention of the filters' mode, whatever else they say; 0 where there is none."""
        row = self._store.row(
            "SELECT max(mention_id) AS id FROM triage INDEXED BY triage_newest WHERE mode = ?",
            (filters.mode,),
        )
        return int(row["id"] or 0) if row else 0

    def rows(self, mention_ids: Sequence[int]) -> tuple[TriageRow, ...]:
        """These mentions in this order; unknown ones are left out."""
        rows = list(self._store.rows(_ROWS, (json.dumps(list(mention_ids)),)))
        media = self._media({row["target_id"] for row in rows if row["target_id"] is not None})
        return tuple(_to_row(row, media) for row in rows)

    def values(self, field: str, filters: Filters) -> tuple[str, ...]:
        """The values that a field of the filters (such as ``platforms``) can take in this mode, sorted."""
        column, index = _FILTERED[field]
        least = f"SELECT min({column}) FROM triage INDEXED BY {index} WHERE mode = ?1 AND {column} > "
        # From each value to the next along the index: as many steps as there are values.
        rows = self._store.rows(
            f"WITH RECURSIVE each (value) AS ({least} '' UNION ALL "
            f"SELECT ({least} each.value) FROM each WHERE each.value IS NOT NULL) "
            "SELECT value FROM each WHERE value IS NOT NULL",
            (filters.mode,),
        )
        return tuple(row["value"] for row in rows)

    def _media(self, post_ids: Iterable[int]) -> Mapping[int, Sequence[TriageMedium]]:
        media: defaultdict[int, list[TriageMedium]] = defaultdict(list)
        for row in self._store.rows(_MEDIA, (json.dumps(sorted(post_ids)),)):
            post_id = row.pop("post_id")
            media[post_id].append(
                TriageMedium(**row | {name: bool(row[name]) for name in ("deleted", "sensitive")})
            )
        return media

    def _number(self, rows: _Sql, at_most: int) -> int:
        row = self._store.row(
            f"SELECT count(*) AS n FROM (SELECT 1 {rows.text} LIMIT ?)", (*rows.values, at_most)
        )
        return int(row["n"]) if row else 0

    def _rows_of(self, filters: Filters, cursor: Cursor | None = None) -> _Sql:
        """FROM and WHERE: the rows of `triage AS t` that these filters leave, on the cursor's side."""
        if filters.words:
            source = _found(filters, cursor)
        else:
            source = _Sql(f"triage t INDEXED BY {self._index(filters)}", ())
        terms: list[str] = []
        values: list[Any] = []
        for term, value in self._conditions(filters):
            terms.append(term)
            values += value
        if cursor is not None:
            term, value = _beyond(filters.order, cursor)
            terms.append(term)
            values += value
        return _Sql(f"FROM {source.text} WHERE {' AND '.join(terms)}", (*source.values, *values))

    def _index(self, filters: Filters) -> str:
        """The index along which fewest rows are passed over."""
        index = _ORDERED[filters.order]
        fewest, along = FEW, ""
        for term, values, own in _narrowing(filters):
            rows = f"FROM triage t INDEXED BY {own} WHERE t.mode = ? AND {term}"
            number = self._number(_Sql(rows, (filters.mode, *values)), FEW)
            if number < fewest:
                fewest, along = number, own
            elif filters.order is Order.NEWEST and term.endswith("IN (?)"):
                index = own  # its rows are in the order of the queue already
        return along or index

    def _conditions(self, filters: Filters) -> Iterator[tuple[str, Sequence[Any]]]:
        yield "t.mode = ?", (filters.mode,)
        for term, values, _ in _narrowing(filters):
            yield term, values
        if filters.since is not None:
            yield "t.mention_id >= ?", (self._first_since(filters, filters.since),)
        if filters.until is not None:
            yield "t.mention_id < ?", (self._first_since(filters, filters.until),)
        if filters.order is not Order.NEWEST:
            yield f"t.{filters.order} IS NOT NULL", ()

    def _first_since(self, filters: Filters, moment: datetime) -> int:
        """The first mention that was seen at that moment or later: mentions are numbered as they are seen."""
        row = self._store.row(
            "SELECT mention_id AS id FROM triage INDEXED BY triage_by_day WHERE mode = ? AND seen_at >= ? "
            "ORDER BY seen_at, mention_id LIMIT 1",
            (filters.mode, to_text(moment)),
        )
        return int(row["id"]) if row else self.latest(filters) + 1


def _narrowing(filters: Filters) -> Iterator[tuple[str, Sequence[Any], str]]:
    """The conditions that the filters put on a column: the term, its values, and the index for it."""
    for field, (column, index) in _FILTERED.items():
        if values := getattr(filters, field):
            yield f"t.{column} IN ({', '.join('?' * len(values))})", values, index
    if filters.spread is not None:
        yield "t.spread >= ?", (filters.spread,), "triage_by_spread"
    if filters.reach is not None:
        yield "t.reach >= ?", (filters.reach,), "triage_by_reach"


def _found(filters: Filters, cursor: Cursor | None) -> _Sql:
    """The newest mentions in which the words occur; next to the cursor, where that is how they are sorted."""
    bound, way = "", "DESC"
    values: tuple[Any, ...] = ()
    if filters.order is Order.NEWEST and cursor is not None:
        bound, way = (" AND rowid > ?", "ASC") if cursor.back else (" AND rowid < ?", "DESC")
        values = (cursor.mention_id,)
    found = f"SELECT rowid AS id FROM search WHERE search MATCH ?{bound} ORDER BY rowid {way} LIMIT ?"
    return _Sql(
        f"({found}) AS found CROSS JOIN triage t ON t.mention_id = found.id",
        (match(filters.words), *values, NEWEST_MATCHES),
    )


def _beyond(order: Order, cursor: Cursor) -> tuple[str, Sequence[Any]]:
    sign = ">" if cursor.back else "<"
    if order is Order.NEWEST:
        return f"t.mention_id {sign} ?", (cursor.mention_id,)
    return f"(t.{order}, t.mention_id) {sign} (?, ?)", (cursor.key, cursor.mention_id)


def _to_row(row: dict[str, Any], media: Mapping[int, Sequence[TriageMedium]]) -> TriageRow:
    return TriageRow(
        **row
        | {
            "state": MentionState(row["state"]),
            "seen_at": to_moment(row["seen_at"]),
            "created_at": to_moment(row["created_at"]),
            "media": tuple(media.get(row["target_id"], ())),
        }
    )
