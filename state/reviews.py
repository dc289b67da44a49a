"""People's judgements of media; the newest one counts, and may be that there is none any more."""

from __future__ import annotations

from state.base import Table
from state.model import ReviewedScore, ReviewRow, to_moment

WITHDRAWN = "withdrawn"
"""The label of a row that takes all earlier judgements back."""


class Reviews(Table):
    """Rows of `reviews`: kept for ever, never changed; `WITHDRAWN` ones are no judgement."""

    def add(self, sha256: str, label: str, note: str, reviewer: str) -> None:
        """Store a judgement.

        Raises:
            NotFound: no such medium was ever seen.
        """
        media_id = self._store.media.id_of(sha256)
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO reviews (media_id, label, note, reviewer, created_at) VALUES (?, ?, ?, ?, ?)",
                (media_id, label, note, reviewer, self._store.stamp()),
            )
            self._store.events.add("reviewed", data={"sha256": sha256, "label": label, "reviewer": reviewer})

    def withdraw(self, sha256: str, reviewer: str) -> None:
        """Let the detectors' verdict count again.

        Raises:
            NotFound: no such medium was ever seen.
        """
        self.add(sha256, WITHDRAWN, "", reviewer)

    def any_of(self, post_id: int) -> bool:
        """Whether a medium of this post was ever reviewed."""
        sql = "SELECT 1 FROM post_media pm JOIN reviews r ON r.media_id = pm.media_id WHERE pm.post_id = ?"
        return self._store.row(sql, (post_id,)) is not None

    def scores(self) -> list[ReviewedScore]:
        """What the detectors said, in the latest analysis, of every medium that was reviewed.

        Not where that was said of another medium, of which this one is a near copy.
        """
        rows = self._store.rows(
            "SELECT m.sha256, a.kind, p.platform, r.label, s.detector, s.weights, s.score "
            "FROM (SELECT media_id, max(id) AS id FROM reviews GROUP BY media_id) newest "
            f"JOIN reviews r ON r.id = newest.id AND r.label <> '{WITHDRAWN}' "
            "JOIN media m ON m.id = newest.media_id "
            "JOIN analyses a "
            "ON a.id = (SELECT max(id) FROM analyses WHERE media_id = m.id "
            "AND reason IS NULL AND copy_of IS NULL) "
            "JOIN scores s ON s.analysis_id = a.id AND s.applicable "
            "JOIN posts p ON p.id = (SELECT min(post_id) FROM post_media WHERE media_id = m.id) "
            "ORDER BY m.id, s.detector"
        )
        return [ReviewedScore(**row) for row in rows]

    def latest(self, sha256: str) -> ReviewRow | None:
        """The judgement that counts, if any."""
        row = self._store.row(
            "SELECT label, note, reviewer, created_at FROM reviews "
            "WHERE media_id = (SELECT id FROM media WHERE sha256 = ?) ORDER BY id DESC LIMIT 1",
            (sha256,),
        )
        if row is None or row["label"] == WITHDRAWN:
            return None
        return ReviewRow(**row | {"created_at": to_moment(row["created_at"])})

    def history(self, sha256: str) -> list[ReviewRow]:
        """Every judgement and withdrawal of a medium, oldest first."""
        rows = self._store.rows(
            "SELECT label, note, reviewer, created_at FROM reviews "
            "WHERE media_id = (SELECT id FROM media WHERE sha256 = ?) ORDER BY id",
            (sha256,),
        )
        return [ReviewRow(**row | {"created_at": to_moment(row["created_at"])}) for row in rows]
