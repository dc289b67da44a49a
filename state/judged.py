"""What the engine said of the latest media, as it stands: to judge again, to compare, to count."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from state.base import Table
from state.reviews import WITHDRAWN

LATEST = (
    "SELECT a.id, a.media_id, a.kind, a.copy_of FROM analyses a WHERE a.reason IS NULL AND NOT EXISTS "
    "(SELECT 1 FROM analyses b WHERE b.media_id = a.media_id AND b.id > a.id AND b.reason IS NULL) "
    "ORDER BY a.id DESC LIMIT ?"
)
"""The latest analyses with a verdict, one per medium."""


@dataclass(frozen=True, slots=True)
class GivenScore:
    """One detector's score in [0, 1], None with a reason where it could not judge."""

    detector: str
    score: float | None
    reason: str | None
    weights: str | None


@dataclass(frozen=True, slots=True)
class JudgedMedium:
    """A medium's latest analysis: what was said, on which scores, and how it was reviewed, if it was.

    ``reasons`` are pairs of code and text. ``mention_id`` is the latest mention of the mode about it.
    """

    sha256: str
    kind: str
    band: str
    policy: str
    reasons: tuple[tuple[str, str], ...]
    scores: tuple[GivenScore, ...]
    label: str | None
    mention_id: int | None


class Judged(Table):
    """Reads only."""

    def latest(self, limit: int) -> list[JudgedMedium]:
        """The media that were judged last, newest first."""
        # The plus and CROSS keep SQLite from walking all mentions, newest first, for each medium.
        rows = self._store.rows(
            f"WITH latest AS ({LATEST}) "
            "SELECT m.sha256, l.kind, v.band, v.policy, v.reasons, "
            "(SELECT json_group_array(json_array(detector, iif(applicable, score, NULL), reason, weights)) "
            "FROM (SELECT * FROM scores WHERE analysis_id = l.id ORDER BY detector)) AS scores, "
            f"(SELECT nullif(label, '{WITHDRAWN}') FROM reviews WHERE media_id = m.id "
            "ORDER BY id DESC LIMIT 1) AS label, "
            "(SELECT max(+n.id) FROM post_media pm CROSS JOIN mentions n ON n.target_id = pm.post_id "
            "WHERE pm.media_id = m.id AND n.mode = ?) AS mention_id "
            "FROM latest l JOIN media m ON m.id = l.media_id JOIN verdicts v ON v.analysis_id = l.id "
            "WHERE l.kind IS NOT NULL ORDER BY l.id DESC",
            (limit, self._store.mode),
        )
        return [_to_medium(row) for row in rows]

    def version(self) -> tuple[int, int]:
        """Another one after each analysis and each review."""
        row = self._store.row(
            "SELECT (SELECT max(id) FROM analyses) AS analysis, (SELECT max(id) FROM reviews) AS review"
        )
        return (row["analysis"] or 0, row["review"] or 0) if row else (0, 0)

    def unreviewed_scores(self, detector: str, weights: str, limit: int) -> dict[str, list[float]]:
        """A detector's scores by kind, of those of the latest ``limit`` media that nobody reviewed.

        Only what these weights gave, and not what was said of another medium of which one is a near copy.
        """
        rows = self._store.rows(
            f"WITH latest AS ({LATEST}) SELECT l.kind, s.score FROM latest l "
            "JOIN scores s ON s.analysis_id = l.id AND s.detector = ? "
            "WHERE l.copy_of IS NULL AND s.applicable AND s.score IS NOT NULL AND s.weights = ? "
            "AND coalesce((SELECT label FROM reviews WHERE media_id = l.media_id "
            f"ORDER BY id DESC LIMIT 1), '{WITHDRAWN}') = '{WITHDRAWN}'",
            (limit, detector, weights),
        )
        found: dict[str, list[float]] = {}
        for row in rows:
            found.setdefault(row["kind"], []).append(float(row["score"]))
        return found


def _to_medium(row: dict[str, Any]) -> JudgedMedium:
    reasons = tuple((each["code"], each["text"]) for each in json.loads(row["reasons"]))
    scores = tuple(GivenScore(*each) for each in json.loads(row["scores"]))
    return JudgedMedium(**row | {"reasons": reasons, "scores": scores})
