"""The engine's side of near copies: what it recognises a medium by, and what it says of a copy."""

from __future__ import annotations

import time
from dataclasses import replace

from analysis.decoding.decoder import Decoded
from analysis.ensemble.provenance import with_provenance
from analysis.ensemble.reasons import copy_analysed
from analysis.job import Job
from analysis.model import Earlier, Likeness, Recall, Verdict
from analysis.perceptual import likeness_of

_ROW_STEP = 32  # of a row of frames, every so many-th must be alike in a copy


def recognised_by(medium: Decoded) -> Likeness | None:
    """What near copies of a decoded medium are recognised by, if by anything.

    Not where its sound was decoded, too: for those who listen, other sound makes another medium.
    """
    if medium.frames is None or medium.waveform is not None:
        return None
    between = () if medium.row is None else medium.row[::_ROW_STEP]
    return likeness_of([*medium.frames, *between], medium.probe)


def recall_copy(recall: Recall, job: Job, fingerprint: str) -> Earlier | None:
    """Ask for an earlier analysis of a near copy of a decoded job; the job keeps what it is recognised by."""
    assert job.medium is not None
    start = time.perf_counter()
    job.likeness = recognised_by(job.medium)
    if job.likeness is None:
        return None
    earlier = recall(job.likeness, fingerprint)
    job.medium = replace(job.medium, timing={**job.medium.timing, "recall": time.perf_counter() - start})
    job.tell("recall")
    return earlier


def verdict_of_copy(earlier: Earlier, medium: Decoded) -> Verdict:
    """The earlier verdict, with the day among its reasons; the origin is always this file's own."""
    told = copy_analysed(medium.probe.kind, earlier.analysed_at.date())
    verdict = replace(earlier.verdict, reasons=(*earlier.verdict.reasons, told))
    return with_provenance(verdict, medium.provenance)
