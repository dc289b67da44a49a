"""Files by content, and what the engine has said of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from state.base import Table, to_json
from state.errors import NotFound
from state.model import AnalysisRow, PastAnalysis, PostMedium, ScoreRow, VerdictRow, to_moment


class Media(Table):
    """Rows of `media`, `analyses`, `scores` and `verdicts`."""

    def save(self, medium: PostMedium) -> int:
        """Store the record of a file that is on this machine; returns its row id."""
        with self._store.transaction() as db:
            row = db.execute(
                "INSERT INTO media (sha256, mime, size, first_seen) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (sha256) DO UPDATE SET deleted_at = NULL RETURNING id",
                (medium.sha256, medium.mime, medium.size, self._store.stamp()),
            ).fetchone()
        return int(row[0])

    def id_of(self, sha256: str) -> int:
        """The row id of a file by its content.

        Raises:
            NotFound: no such file was ever had.
        """
        row = self._store.row("SELECT id FROM media WHERE sha256 = ?", (sha256,))
        if row is None:
            raise NotFound(f"no medium with SHA-256 {sha256} was ever seen")
        return int(row["id"])

    def needed(self, *, reviewed: bool) -> set[str]:
        """The files that open mentions of any mode are about; with ``reviewed`` also those with a review."""
        sql = (
            "SELECT DISTINCT media.sha256 FROM mentions JOIN post_media ON post_media.post_id = target_id "
            "JOIN media ON media.id = media_id WHERE mentions.state IN ('seen', 'resolved', 'analysed')"
        )
        if reviewed:
            sql += (
                " UNION SELECT media.sha256 FROM reviews JOIN media ON media.id = media_id WHERE "
                "reviews.id IN (SELECT max(id) FROM reviews GROUP BY media_id) AND label <> 'withdrawn'"
            )
        return {row["sha256"] for row in self._store.rows(sql)}

    def mark_deleted(self, sha256: str) -> None:
        """Note that the file is gone; the record, its analyses and its likeness stay."""
        with self._store.transaction() as db:
            db.execute("UPDATE media SET deleted_at = ? WHERE sha256 = ?", (self._store.stamp(), sha256))

    def save_analysis(self, analysis: AnalysisRow, *, afresh: bool = False) -> None:
        """Store one run of the engine.

        The same engine's earlier verdict on the same file is kept instead; an earlier refusal is replaced.
        With ``afresh`` the new verdict counts, and the earlier one stays on record under another fingerprint.
        """
        media_id = self.id_of(analysis.sha256)
        with self._store.transaction() as db:
            if afresh and analysis.reason is None:
                db.execute(
                    "UPDATE analyses SET fingerprint = fingerprint || '#' || id "
                    "WHERE media_id = ? AND fingerprint = ?",
                    (media_id, analysis.fingerprint),
                )
            db.execute(
                "DELETE FROM analyses WHERE media_id = ? AND fingerprint = ? AND reason IS NOT NULL",
                (media_id, analysis.fingerprint),
            )
            row = db.execute(
                "INSERT INTO analyses "
                "(media_id, fingerprint, finished_at, kind, probe, timing, provenance, reason, detail, "
                "copy_of) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT id FROM media WHERE sha256 = ?)) "
                "ON CONFLICT (media_id, fingerprint) DO NOTHING RETURNING id",
                (
                    media_id,
                    analysis.fingerprint,
                    self._store.stamp(),
                    analysis.kind,
                    to_json(dict(analysis.probe)),
                    to_json(dict(analysis.timing)),
                    to_json(dict(analysis.provenance)),
                    analysis.reason,
                    analysis.detail,
                    analysis.copy_of,
                ),
            ).fetchone()
            if row is None:
                return
            if analysis.likeness is not None:
                self._store.likenesses.save(media_id, analysis.likeness)
            for score in analysis.scores:
                db.execute(
                    "INSERT INTO scores "
                    "(analysis_id, detector, score, applicable, reason, evidence, weights) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        row[0],
                        score.detector,
                        score.score,
                        int(score.applicable),
                        score.reason,
                        to_json(dict(score.evidence)),
                        score.weights,
                    ),
                )
            if analysis.verdict is not None:
                verdict = analysis.verdict
                db.execute(
                    "INSERT INTO verdicts "
                    "(analysis_id, band, probability, policy, reasons, calibration, spread) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        row[0],
                        verdict.band,
                        verdict.probability,
                        verdict.policy,
                        to_json([dict(r) for r in verdict.reasons]),
                        verdict.calibration,
                        _spread(analysis.scores),
                    ),
                )

    def analysis(self, sha256: str, fingerprint: str | None = None) -> AnalysisRow | None:
        """What this engine (or, without a fingerprint, the latest) has said of a file, if anything."""
        row = self._store.row(
            "SELECT a.id, a.fingerprint, a.kind, a.probe, a.provenance, a.timing, a.reason, a.detail, "
            "a.finished_at, o.sha256 AS copy_of "
            "FROM analyses a JOIN media m ON m.id = a.media_id LEFT JOIN media o ON o.id = a.copy_of "
            "WHERE m.sha256 = ?1 AND (?2 IS NULL OR a.fingerprint = ?2) ORDER BY a.id DESC LIMIT 1",
            (sha256, fingerprint),
        )
        if row is None:
            return None
        analysis_id = row.pop("id")
        return AnalysisRow(
            sha256=sha256,
            scores=self._scores(analysis_id),
            verdict=self._verdict(analysis_id),
            **row
            | {
                "probe": json.loads(row["probe"]),
                "provenance": json.loads(row["provenance"]),
                "timing": json.loads(row["timing"]),
                "finished_at": to_moment(row["finished_at"]),
            },
        )

    def past(self, sha256: str) -> list[PastAnalysis]:
        """Every analysis of a file, by whichever engine, the newest first."""
        rows = self._store.rows(
            "SELECT finished_at, fingerprint, band, probability, policy, reason FROM analyses a "
            "LEFT JOIN verdicts ON analysis_id = a.id "
            "WHERE media_id = (SELECT id FROM media WHERE sha256 = ?) ORDER BY a.id DESC",
            (sha256,),
        )
        return [PastAnalysis(**row | {"finished_at": to_moment(row["finished_at"])}) for row in rows]

    def get(self, sha256: str) -> PostMedium:
        """A file by its content alone; a deleted one has the reason `gone`.

        Raises:
            NotFound: no such file was ever had.
        """
        row = self._store.row("SELECT mime, size, deleted_at FROM media WHERE sha256 = ?", (sha256,))
        if row is None:
            raise NotFound(f"no medium with SHA-256 {sha256} was ever seen")
        reason = "gone" if row["deleted_at"] else None
        return PostMedium("", sha256=sha256, mime=row["mime"], size=row["size"], reason=reason)

    def _scores(self, analysis_id: int) -> tuple[ScoreRow, ...]:
        def to_score(row: dict[str, Any]) -> ScoreRow:
            return ScoreRow(
                **row | {"applicable": bool(row["applicable"]), "evidence": json.loads(row["evidence"])}
            )

        sql = (
            "SELECT detector, score, applicable, reason, evidence, weights FROM scores "
            "WHERE analysis_id = ? ORDER BY detector"
        )
        return tuple(to_score(row) for row in self._store.rows(sql, (analysis_id,)))

    def _verdict(self, analysis_id: int) -> VerdictRow | None:
        row = self._store.row(
            "SELECT band, probability, policy, reasons, calibration FROM verdicts WHERE analysis_id = ?",
            (analysis_id,),
        )
        return VerdictRow(**row | {"reasons": tuple(json.loads(row["reasons"]))}) if row else None


def _spread(scores: Sequence[ScoreRow]) -> float | None:
    """How far the detectors lie apart, in [0, 1]; None where fewer than two gave a score."""
    given = [score.score for score in scores if score.applicable and score.score is not None]
    return max(given) - min(given) if len(given) > 1 else None
