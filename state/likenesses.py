"""What near copies of media are recognised by, looked up by pieces of perceptual hashes."""

from __future__ import annotations

import json
from collections.abc import Iterator

from state.base import Table
from state.model import CandidateRow, LikenessRow

# Multi-index hashing (Norouzi et al., 2012): one look at the primary key of `likeness_pieces` for each piece.
# The pieces come as one JSON array, so that the statement is the same however many there are.
_CANDIDATES = (
    "SELECT m.sha256, l.sketch FROM "
    "(SELECT p.media_id, count(*) AS shared FROM json_each(?1) AS wanted "
    "CROSS JOIN likeness_pieces AS p ON p.piece = wanted.value GROUP BY p.media_id) AS near "
    "CROSS JOIN analyses AS a ON a.media_id = near.media_id AND a.fingerprint = ?2 "
    "JOIN likenesses AS l ON l.media_id = near.media_id "
    "JOIN media AS m ON m.id = near.media_id "
    "WHERE a.reason IS NULL AND a.copy_of IS NULL "
    "ORDER BY near.shared DESC, near.media_id DESC LIMIT ?3"
)


class Likenesses(Table):
    """Rows of `likenesses` and `likeness_pieces`."""

    def save(self, media_id: int, likeness: LikenessRow) -> None:
        """Store what a medium is recognised by, in place of what was stored before."""
        with self._store.transaction() as db:
            db.execute("DELETE FROM likenesses WHERE media_id = ?", (media_id,))
            db.execute("INSERT INTO likenesses (media_id, sketch) VALUES (?, ?)", (media_id, likeness.sketch))
            db.executemany(
                "INSERT INTO likeness_pieces (piece, media_id) VALUES (?, ?)",
                [(piece, media_id) for piece in set(likeness.pieces)],
            )

    def forget(self, sha256: str) -> None:
        """Remove what a medium is recognised by, if anything; later copies of it are judged anew."""
        with self._store.transaction() as db:
            db.execute(
                "DELETE FROM likenesses WHERE media_id = (SELECT id FROM media WHERE sha256 = ?)", (sha256,)
            )

    def candidates(self, likeness: LikenessRow, fingerprint: str, limit: int) -> Iterator[CandidateRow]:
        """Media that this engine has judged itself and that share pieces, those that share most first."""
        pieces = json.dumps(sorted(set(likeness.pieces)))
        for row in self._store.rows(_CANDIDATES, (pieces, fingerprint, limit)):
            yield CandidateRow(**row)

    def relatives(self, sha256: str) -> Iterator[str]:
        """The SHA-256 of each medium that shares an analysis with this one, as its copy or its original."""
        sql = (
            "WITH own AS (SELECT id FROM media WHERE sha256 = ?1), "
            "roots AS (SELECT id FROM own UNION SELECT copy_of FROM analyses "
            "WHERE media_id IN own AND copy_of IS NOT NULL) "
            "SELECT sha256 FROM media WHERE sha256 <> ?1 AND id IN (SELECT id FROM roots UNION "
            "SELECT media_id FROM analyses WHERE copy_of IN roots) ORDER BY id"
        )
        for row in self._store.rows(sql, (sha256,)):
            yield row["sha256"]
