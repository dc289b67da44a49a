"""An analyzer for tests and benchmarks of what surrounds the engine: instant, deterministic, judges nothing.

It is a fake and says so in its verdicts. It keeps the contract of `analysis.model.Analyzer` (one contract
test suite runs on it and on the real engine) without torch, numpy or a decoder.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path

from analysis.errors import AnalysisError, EngineFailed, MediumRefused, Refusal
from analysis.model import Analysis, Band, Probe, Reason, Score, Verdict
from analysis.sniff import HEAD_BYTES, sniff

_BANDS = (Band.LOW, Band.UNCERTAIN, Band.HIGH)


class StubAnalyzer:
    """Gives each file the verdict of ``verdicts`` (keyed by SHA-256), else one made from its SHA-256.

    The kind comes from the file's first bytes alone: an animation counts as a picture, and nothing behind the
    signature is looked at, so that a corrupt file passes.
    """

    def __init__(self, verdicts: Mapping[str, Verdict] | None = None) -> None:
        self._verdicts = dict(verdicts or {})
        self._closed = threading.Event()

    @property
    def fingerprint(self) -> str:
        """See `Analyzer`; changes with the given verdicts."""
        return "stub-" + hashlib.sha256(repr(sorted(self._verdicts.items())).encode()).hexdigest()[:16]

    def warm_up(self, on_progress: Callable[[str], None] | None = None) -> None:
        """See `Analyzer`; there is nothing to load."""

    def submit(self, path: Path, *, on_stage: Callable[[str], None] | None = None) -> Future[Analysis]:
        """See `Analyzer`; the future is already done."""
        if self._closed.is_set():
            raise EngineFailed("the engine is closed")
        future: Future[Analysis] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(self._analyse(path))
            if on_stage is not None:
                on_stage("total")
        except AnalysisError as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        """See `Analyzer`."""
        self._closed.set()

    def _analyse(self, path: Path) -> Analysis:
        if path.exists() and not path.is_file():
            raise MediumRefused(Refusal.NOT_MEDIA, "not a regular file")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise EngineFailed(f"the file cannot be read ({error.strerror})") from error
        file_type = sniff(content[:HEAD_BYTES])
        sha256 = hashlib.sha256(content).hexdigest()
        probe = Probe(file_type.kind, file_type.mime, len(content))
        fraction = int(sha256[:8], 16) / 0xFFFFFFFF
        verdict = self._verdicts.get(sha256) or _verdict(fraction)
        scores = (Score("stub", fraction, applicable=True),)
        return Analysis(sha256, probe, scores, verdict, {"total": 0.0}, self.fingerprint)


def _verdict(fraction: float) -> Verdict:
    band = _BANDS[min(2, int(fraction * 3))]
    reason = Reason("stub", "this verdict comes from a stand-in and says nothing about the medium")
    return Verdict(band, min(0.99, max(0.01, fraction)), "stub", (reason,))
