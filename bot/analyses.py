"""Having media judged: each file once per engine, whoever asks and however many ask at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.ensemble.combine import MediumOutcome, PostOutcome, ReviewLabel, combine, reviewed
from analysis.ensemble.reasons import copy_reviewed
from analysis.errors import MediumRefused, Refusal
from analysis.model import Analysis, Analyzer, Kind, Verdict
from bot.licences import limiting_licences
from bot.rows import kind_of_mime, to_analysis_row, to_verdict
from state.model import AnalysisRow, PostMedium
from state.store import Store

# A machine under load can be the cause of these: the next asker gets a run of their own.
WORTH_ANOTHER_RUN = {Refusal.TIMED_OUT, Refusal.DECODER_DIED}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What there is to say about a post.

    ``earlier``: nothing had to be judged anew, as each file, or where ``copy`` is set a near copy of it, had
    been judged before. ``details`` has one line for each medium without a verdict,
    for operators. ``licences`` are those of weights that took part and limit what the answer may be used for.
    """

    post: PostOutcome
    earlier: bool
    details: tuple[str, ...]
    licences: tuple[str, ...] = ()
    copy: bool = False

    @property
    def failure(self) -> tuple[str, str] | None:
        """Reason and detail, where not one medium has a verdict."""
        if any(medium.verdict is not None for medium in self.post.media):
            return None
        return self.post.media[0].failure or "default", "; ".join(self.details)


class Analyses:
    """The engine with a memory: what is known is not judged again, what is being judged is waited for."""

    def __init__(self, store: Store, path_of: Callable[[str], Path], analyzer: Analyzer) -> None:
        """`path_of` gives the file of a SHA-256."""
        self._store = store
        self._path_of = path_of
        self._analyzer = analyzer
        self._running: dict[str, Future[Analysis]] = {}
        self._lock = threading.Lock()

    def judge(self, media: Sequence[PostMedium], *, afresh: bool = False) -> Judgement:
        """Judge the media of one post, in order; all of them are in the engine at once.

        With ``afresh`` no earlier analysis is taken for the answer, nor one of a near copy.

        Raises:
            EngineFailed: the engine is at fault; worth another try.
        """
        known = [None if afresh and not medium.reason else self._known(medium) for medium in media]
        for medium in media if afresh else ():
            self._forget_copies(medium)
        started = [
            self._start(medium.sha256) if medium.sha256 and not medium.reason and row is None else None
            for medium, row in zip(media, known, strict=True)
        ]
        rows = [
            self._finish(medium.sha256, future, afresh=afresh) if medium.sha256 and future else row
            for medium, row, future in zip(media, known, started, strict=True)
        ]
        fresh = [row for row, future in zip(rows, started, strict=True) if row and future]
        return judgement(
            self._store,
            media,
            rows,
            earlier=all(row.copy_of for row in fresh),
            copy=any(row.copy_of for row in fresh),
        )

    def _known(self, medium: PostMedium) -> AnalysisRow | None:
        if medium.sha256 is None:
            return None
        row = self._store.media.analysis(medium.sha256, self._analyzer.fingerprint)
        return None if row is not None and row.reason in WORTH_ANOTHER_RUN else row

    def _forget_copies(self, medium: PostMedium) -> None:
        """The engine would recall this medium itself, or those that shared its analysis, and not judge."""
        if medium.sha256 is not None:
            for sha256 in (medium.sha256, *self._store.likenesses.relatives(medium.sha256)):
                self._store.likenesses.forget(sha256)

    def _start(self, sha256: str) -> Future[Analysis]:
        with self._lock:
            future = self._running.get(sha256)
            if future is None:
                future = self._running[sha256] = self._analyzer.submit(self._path_of(sha256))
        future.add_done_callback(lambda _: self._running.pop(sha256, None))
        return future

    def _finish(self, sha256: str, future: Future[Analysis], *, afresh: bool) -> AnalysisRow:
        try:
            row = to_analysis_row(future.result())
        except MediumRefused as refusal:
            row = AnalysisRow(sha256, self._analyzer.fingerprint, reason=refusal.reason, detail=str(refusal))
        with self._store.transaction():
            self._store.media.save_analysis(row, afresh=afresh)
            if row.copy_of is not None:
                self._store.events.add("copy_recognised", data={"sha256": sha256, "copy_of": row.copy_of})
        return row


def judgement(
    store: Store,
    media: Sequence[PostMedium],
    rows: Sequence[AnalysisRow | None],
    *,
    earlier: bool,
    copy: bool = False,
) -> Judgement:
    """Combine what is known of a post's media; a person's review overrides the detectors.

    A review of the medium that this one is a near copy of is told among the reasons and decides nothing.
    """
    outcomes, details, licences = [], [], set()
    for index, (medium, row) in enumerate(zip(media, rows, strict=True), 1):
        kind = Kind(row.kind) if row and row.kind else kind_of_mime(medium.mime)
        if row is not None and row.verdict is not None:
            verdict = to_verdict(row.verdict)
            outcomes.append(MediumOutcome(index, kind, _with_reviews(store, row, kind, verdict)))
            licences |= limiting_licences(score.detector for score in row.scores if score.applicable)
        else:
            known = row or medium
            outcomes.append(MediumOutcome(index, kind, failure=known.reason or "default"))
            details.append(f"medium {index}: {known.detail}")
    return Judgement(combine(outcomes), earlier, tuple(details), tuple(sorted(licences)), copy)


def reviewed_verdict(store: Store, row: AnalysisRow) -> tuple[Verdict | None, Verdict | None]:
    """The detectors' verdict on a medium, and the one that counts with what people have said of it."""
    if row.verdict is None:
        return None, None
    own = to_verdict(row.verdict)
    return own, _with_reviews(store, row, Kind(row.kind) if row.kind else None, own)


def _with_reviews(store: Store, row: AnalysisRow, kind: Kind | None, verdict: Verdict) -> Verdict:
    review = store.reviews.latest(row.sha256)
    if review is not None:
        return reviewed(verdict, ReviewLabel(review.label))
    of_copy = store.reviews.latest(row.copy_of) if row.copy_of else None
    if of_copy is None or kind is None:
        return verdict
    return replace(verdict, reasons=(*verdict.reasons, copy_reviewed(kind, of_copy.label)))
