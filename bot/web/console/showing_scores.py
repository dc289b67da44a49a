"""What a detector said, with what that means and rests on, and the places that it can be drawn at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.model import Kind, Score
from bot.rows import to_score

if TYPE_CHECKING:
    from analysis.ensemble.evidence import Evidence
    from detectors.record import DataSet, Measurement, WeightsRecord
    from state.model import AnalysisRow, ScoreRow

MOST_MEASURED = 6
_SETS_NAMED = 3


@dataclass(frozen=True, slots=True)
class FrameScore:
    """One frame of a clip that was judged: its number from 0, when it is shown (if known), its score."""

    number: int
    seconds: float | None
    score: float


@dataclass(frozen=True, slots=True)
class FaceMark:
    """A face that was judged: its frame, box (left, top, width, height) in pixels, and score, if any."""

    frame: int
    left: float
    top: float
    width: float
    height: float
    score: float | None


@dataclass(frozen=True, slots=True)
class ScoreView:
    """One detector's part in an analysis, as operators see it.

    ``side`` is "signs", "little", "open", "none" (not measured) or "absent" (not applicable). ``errs`` and
    ``measured`` say how often it errs and on what that was measured; ``frames``, ``faces`` where it looked.
    """

    detector: str
    title: str | None
    score: float | None
    side: str
    meaning: str
    basis: str
    errs: str | None
    measured: tuple[str, ...]
    more_measured: int
    frames: tuple[FrameScore, ...]
    faces: tuple[FaceMark, ...]


def show_scores(analysis: AnalysisRow, own_calibration: Path) -> list[ScoreView]:
    """Every detector's part in an analysis; those that judged come first.

    Raises:
        ConfigurationError: the operator's own calibration cannot be read.
    """
    from analysis.calibration.own import load_own

    kind = Kind(analysis.kind) if analysis.kind else Kind.IMAGE
    known = {row.detector: record for row in analysis.scores if (record := _record(row.detector))}
    own = load_own(own_calibration)
    if own is not None:
        known = own.records(known)
    seconds = analysis.probe.get("frame_seconds") or ()
    views = [_view(row, kind, known.get(row.detector), tuple(seconds)) for row in analysis.scores]
    return sorted(views, key=lambda view: view.side == "absent")


def agreement(views: list[ScoreView]) -> str:
    """In one sentence whether the detectors that judged say the same."""
    sides = [view.side for view in views if view.side != "absent"]
    if not sides:
        return "No detector could judge this medium."
    named = {
        "signs": "signs of generation or manipulation",
        "little": "little sign",
        "open": "no clear sign either way",
        "none": "never measured, counts for nothing",
    }
    parts = [f"{words}: {sides.count(side)}" for side, words in named.items() if side in sides]
    opposed = " They contradict each other." if {"signs", "little"} <= set(sides) else ""
    count = f"{len(sides)} detector{'s' if len(sides) > 1 else ''} judged this"
    return f"{count} ({'; '.join(parts)}).{opposed}"


def _record(name: str) -> WeightsRecord | None:
    import detectors

    return detectors.record(name) if name in detectors.names() else None


def _view(row: ScoreRow, kind: Kind, record: WeightsRecord | None, seconds: tuple[float, ...]) -> ScoreView:
    from analysis.ensemble.evidence import evidence_of, modality_of

    title = record.title if record else None
    if not row.applicable or row.score is None:
        reason = f"Did not judge this: {row.reason or 'no reason was given'}."
        return ScoreView(row.detector, title, None, "absent", reason, "", None, (), 0, (), ())
    evidence = evidence_of(kind, row.detector, row.score, record)
    found = [m for m in record.measured if m.modality is modality_of(kind, record)] if record else []
    found = [m for m in found if not m.clips]  # frames of a few clips tell nothing of the medium at hand
    score = to_score(row)
    return ScoreView(
        detector=row.detector,
        title=title,
        score=row.score,
        side=_side(evidence),
        meaning=_meaning(kind, evidence),
        basis=_basis(evidence),
        errs=next((errs for m in found if (errs := _errs(m))), None),
        measured=tuple(_measured(m) for m in found[:MOST_MEASURED]),
        more_measured=max(0, len(found) - MOST_MEASURED),
        frames=_frames(score, seconds) if kind is Kind.VIDEO else (),
        faces=_faces(score),
    )


def _side(evidence: Evidence) -> str:
    from analysis.ensemble.calibrated_reasons import UNDECIDED_LLR
    from analysis.ensemble.evidence import Basis

    if evidence.basis is Basis.NONE:
        return "none"
    if abs(evidence.llr) < UNDECIDED_LLR:
        return "open"
    return "signs" if evidence.llr > 0 else "little"


def _meaning(kind: Kind, evidence: Evidence) -> str:
    from analysis.ensemble.calibrated_reasons import detector_reason

    said = detector_reason(kind, evidence).text
    return f"{said[0].upper()}{said[1:]}."


def _basis(evidence: Evidence) -> str:
    """How much a score like this tells, and what that was fitted on."""
    from math import exp

    from detectors.record import Calibration

    if evidence.ground is None:
        return "Not fitted: how much this score tells was never measured, so it moves nothing."
    times = exp(abs(evidence.llr))
    whose = "fakes" if evidence.llr > 0 else "real media"
    worth = (
        f"Alone, such a score is {times:.1f} times as likely from {whose}"
        if times >= 1.05
        else "Tells nothing"
    )
    if isinstance(evidence.ground, Calibration):
        ground = evidence.ground
        return f"{worth}. Fitted on {_sets(ground.data)}, {ground.date}; {ground.protocol}."
    return f"{worth}. Not fitted here: it counts up to its published rates ({evidence.ground.source})."


def _sets(data: tuple[DataSet, ...]) -> str:
    real, fake = sum(part.real for part in data), sum(part.fake for part in data)
    names = ", ".join(part.name for part in data[:_SETS_NAMED])
    more = f" and {len(data) - _SETS_NAMED} more" if len(data) > _SETS_NAMED else ""
    return f"{real} real and {fake} fake media of {names}{more}"


def _errs(measured: Measurement) -> str | None:
    if not measured.metric.startswith("balanced accuracy"):
        return None
    wrong, least, most = (100 * (1 - value) for value in (measured.value, measured.high, measured.low))
    return (
        f"Errs on about {wrong:.0f} of 100 media (95 % interval {least:.0f} to {most:.0f}), real and fake "
        f"weighed alike; {measured.real} real, {measured.fake} fake; {measured.protocol}; {measured.date}"
    )


def _measured(measured: Measurement) -> str:
    return (
        f"{measured.metric} {measured.value:.3f} (95 % interval {measured.low:.3f} to {measured.high:.3f}); "
        f"{measured.real} real, {measured.fake} fake; {measured.protocol}; {measured.date}"
    )


def _frames(score: Score, seconds: tuple[float, ...]) -> tuple[FrameScore, ...]:
    from analysis.evidence.local import numbers, patches

    own = numbers(score.evidence.get("frame_scores")) or [patch.score for patch in patches(score)]
    if len(own) < 2 or not all(0 <= value <= 1 for value in own):
        return ()
    times: tuple[float | None, ...] = seconds if len(seconds) == len(own) else (None,) * len(own)
    return tuple(
        FrameScore(number, at, value) for number, (at, value) in enumerate(zip(times, own, strict=True))
    )


def _faces(score: Score) -> tuple[FaceMark, ...]:
    from analysis.evidence.local import faces

    marks = []
    for face in faces(score):
        x1, y1, x2, y2 = face.box
        if x2 > x1 and y2 > y1:
            marks.append(FaceMark(face.frame, x1, y1, x2 - x1, y2 - y1, face.score))
    return tuple(marks)
