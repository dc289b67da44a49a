"""The engine's memory of near copies, over the state file."""

from __future__ import annotations

import sqlite3
import zlib

import structlog

from analysis.ensemble.provenance import without_provenance
from analysis.model import Earlier, Likeness
from bot.rows import to_likeness_row, to_score, to_verdict
from state.errors import StateError
from state.store import Store

log = structlog.get_logger()

MOST_CANDIDATES = 8


class StoredRecall:
    """Implements `analysis.model.Recall`: candidates by pieces of the hash, confirmed by their sketches."""

    def __init__(self, store: Store) -> None:
        """Answer from this store."""
        self._store = store

    def __call__(self, likeness: Likeness, fingerprint: str) -> Earlier | None:
        """See `Recall`. A state file that cannot be read now costs a run of the networks, no more."""
        try:
            return self._find(likeness, fingerprint)
        except (sqlite3.Error, StateError, zlib.error) as problem:
            log.warning("recall_failed", detail=str(problem))
            return None

    def _find(self, likeness: Likeness, fingerprint: str) -> Earlier | None:
        from analysis.perceptual import Sketch, is_copy

        asked = to_likeness_row(likeness)
        new = Sketch.unpack(likeness.sketch)
        for candidate in self._store.likenesses.candidates(asked, fingerprint, MOST_CANDIDATES):
            if not is_copy(Sketch.unpack(candidate.sketch), new):
                continue
            row = self._store.media.analysis(candidate.sha256, fingerprint)
            if row is None or row.finished_at is None or row.verdict is None:
                continue
            verdict = without_provenance(to_verdict(row.verdict))
            if verdict is not None:
                return Earlier(candidate.sha256, row.finished_at, tuple(map(to_score, row.scores)), verdict)
        return None
