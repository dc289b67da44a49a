"""What operators have reviewed, with what the engine said: the rows of an export."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from state.base import Table
from state.model import to_moment, to_text


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which reviewed media; None: all. ``since`` and ``before`` are of the review that counts."""

    label: str | None = None
    platform: str | None = None
    kind: str | None = None
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReviewedMedium:
    """A medium with the review that counts, and the latest analysis, if it was judged.

    ``platform`` and ``posted_at`` are of the first post that had it, ``posts`` is how many had. ``present``:
    the file is still kept. ``scores`` are by detector, of those that could judge it.
    """

    sha256: str
    mime: str
    size: int
    present: bool
    kind: str | None
    label: str
    note: str
    reviewer: str
    reviewed_at: datetime
    platform: str | None
    posted_at: datetime | None
    posts: int
    band: str | None
    probability: float | None
    policy: str | None
    scores: Mapping[str, float]


class Exports(Table):
    """Reads only, in the order of the media, row after row."""

    def reviewed(self, wanted: Wanted) -> Iterator[ReviewedMedium]:
        """Every reviewed medium that is wanted; a review that was withdrawn is none."""
        conditions, parameters = _conditions(wanted)
        rows = self._store.rows(
            "SELECT m.sha256, m.mime, m.size, m.deleted_at IS NULL AS present, a.kind, r.label, r.note, "
            "r.reviewer, r.created_at AS reviewed_at, p.platform, p.created_at AS posted_at, "
            "(SELECT count(DISTINCT post_id) FROM post_media WHERE media_id = m.id) AS posts, "
            "v.band, v.probability, v.policy, "
            "(SELECT json_group_object(detector, score) FROM scores "
            "WHERE analysis_id = a.id AND applicable) AS scores "
            "FROM media m JOIN reviews r ON r.id = (SELECT max(id) FROM reviews WHERE media_id = m.id) "
            "LEFT JOIN analyses a ON a.id = "
            "(SELECT max(id) FROM analyses WHERE media_id = m.id AND reason IS NULL) "
            "LEFT JOIN verdicts v ON v.analysis_id = a.id "
            "LEFT JOIN posts p ON p.id = (SELECT min(post_id) FROM post_media WHERE media_id = m.id) "
            f"WHERE {' AND '.join(conditions)} ORDER BY m.id",
            tuple(parameters),
        )
        for row in rows:
            yield _to_row(row)

    def counts(self) -> dict[str, int]:
        """How many media were reviewed, by the label that counts."""
        rows = self._store.rows(
            "SELECT r.label, count(*) AS count FROM reviews r "
            "JOIN (SELECT max(id) AS id FROM reviews GROUP BY media_id) newest ON newest.id = r.id "
            "WHERE r.label <> 'withdrawn' GROUP BY r.label"
        )
        return {row["label"]: int(row["count"]) for row in rows}


def _conditions(wanted: Wanted) -> tuple[list[str], list[Any]]:
    given = [
        ("r.label = ?", wanted.label),
        ("p.platform = ?", wanted.platform),
        ("a.kind = ?", wanted.kind),
        ("r.created_at >= ?", to_text(wanted.since) if wanted.since else None),
        ("r.created_at < ?", to_text(wanted.before) if wanted.before else None),
    ]
    chosen = [(condition, value) for condition, value in given if value is not None]
    return ["r.label <> 'withdrawn'", *(c for c, _ in chosen)], [value for _, value in chosen]


def _to_row(row: dict[str, Any]) -> ReviewedMedium:
    return ReviewedMedium(
        **row
        | {
            "present": bool(row["present"]),
            "reviewed_at": to_moment(row["reviewed_at"]),
            "posted_at": to_moment(row["posted_at"]) if row["posted_at"] else None,
            "scores": json.loads(row["scores"] or "{}"),
        }
    )
