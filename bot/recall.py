"""The engine's memory of near copies, over the state file."""

from __future__ import annotations

import sqlite3
import zlib

import structlog

from analysis.model import Earlier, Likeness
from bot.rows import to_likeness_row, to_score
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

        row = to_likeness_row(likeness)
        new = Sketch.unpack(likeness.sketch)
        for candidate in self._store.likenesses.candidates(row, fingerprint, MOST_CANDIDATES):
            if not is_copy(Sketch.unpack(candidate.sketch), new):
                continue
            earlier = self._store.media.analysis(candidate.sha256, fingerprint)
            if earlier is not None and earlier.finished_at is not None:
                scores = tuple(map(to_score, earlier.scores))
                return Earlier(candidate.sha256, earlier.finished_at, scores)
        return None
