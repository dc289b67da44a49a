"""The sentences of the policy `calibrated`: what each detector said, and why the band is what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from analysis.ensemble.evidence import Basis, Evidence
from analysis.ensemble.panels import ErrorPoint, Panel
from analysis.ensemble.reasons import PLURAL, ReasonCode, reason
from analysis.model import Band, Kind, Reason
from detectors.record import Calibration, DataSet, InTheWild

UNDECIDED_LLR = log(1.5)
"""Below this strength, either way, a detector is said to see no clear sign."""
_STRENGTHS = ((log(10), "strong"), (log(10) / 2, "moderate"), (0.0, "weak"))
"""Jeffreys' steps (Theory of Probability, 1961), a little simplified."""
_SETS_NAMED = 3


@dataclass(frozen=True, slots=True)
class BandBasis:
    """What the band was cut by: the panel in use, if any, and its points for the configured limits."""

    panel: Panel | None
    high: ErrorPoint | None
    low: ErrorPoint | None


def detector_reason(kind: Kind, evidence: Evidence) -> Reason:
    """Say in one sentence what a detector found and what that is worth."""
    said = f"(score {evidence.score:.2f})"
    if evidence.basis is Basis.NONE:
        return reason(
            ReasonCode.DETECTOR_UNCALIBRATED,
            f"{evidence.detector} gave an answer {said}, but how often it errs on {PLURAL[kind]} "
            "was never measured, so it counts for nothing",
            detector=evidence.detector,
        )
    code, text = _finding(evidence, said)
    if isinstance(evidence.ground, InTheWild):
        ground = evidence.ground
        return reason(
            ReasonCode.DETECTOR_PUBLISHED_RATES,
            f"{text}; it counts only as far as its published error rates allow ({ground.source})",
            detector=evidence.detector,
            finding=code.value,
        )
    return reason(code, text, detector=evidence.detector)


def _finding(evidence: Evidence, said: str) -> tuple[ReasonCode, str]:
    strength = abs(evidence.llr)
    if strength < UNDECIDED_LLR:
        return ReasonCode.DETECTOR_UNDECIDED, f"{evidence.detector} finds no clear sign either way {said}"
    if evidence.llr > 0:
        word = next(word for least, word in _STRENGTHS if strength >= least)
        text = f"{evidence.detector} finds {word} signs of generation or manipulation {said}"
        return ReasonCode.DETECTOR_SIGNS, text
    text = f"{evidence.detector} finds little sign of generation or manipulation {said}"
    return ReasonCode.DETECTOR_LITTLE_SIGN, text


def band_reasons(kind: Kind, band: Band, basis: BandBasis, evidence: Sequence[Evidence]) -> list[Reason]:
    """Say why the medium got its band, with the measured error where there is one."""
    if not evidence:
        return []
    if band is Band.HIGH and basis.panel and basis.high:
        return [_false_alarms(kind, basis.high, basis.panel.high.media)]
    if band is Band.LOW and basis.panel and basis.low:
        return [_misses(kind, basis.low, basis.panel.low.media)]
    if all(item.basis is not Basis.CALIBRATED for item in evidence):
        text = f"no detector that took part was measured by this project on {PLURAL[kind]}"
        return [reason(ReasonCode.NO_CALIBRATED_EVIDENCE, text)]
    if basis.panel is None:
        text = (
            "the errors of the detectors that took part were not measured well enough "
            f"on {PLURAL[kind]} for a clear answer"
        )
        return [reason(ReasonCode.BANDS_NOT_MEASURED, text)]
    return [
        reason(ReasonCode.NOT_STRONG_ENOUGH, "the evidence is not strong enough for a clear answer"),
        *_unsupported(basis),
    ]


def _false_alarms(kind: Kind, point: ErrorPoint, media: int) -> Reason:
    return reason(
        ReasonCode.MEASURED_FALSE_ALARMS,
        f"of {media} real {PLURAL[kind]} from sources that the detectors never saw, "
        f"{point.errors} looked this suspicious: at most {_percent(point.bound)} are to be expected",
        errors=point.errors,
        media=media,
    )


def _misses(kind: Kind, point: ErrorPoint, media: int) -> Reason:
    return reason(
        ReasonCode.MEASURED_MISSES,
        f"of {media} generated or manipulated {PLURAL[kind]} from sources that the detectors never saw, "
        f"{point.errors} looked this unsuspicious: at most {_percent(point.bound)} are to be expected",
        errors=point.errors,
        media=media,
    )


def _percent(rate: float) -> str:
    """Round up to a tenth of a percent: an upper bound must not be rounded down."""
    return f"{-(-rate * 1000 // 1) / 10:g} %"


def _unsupported(basis: BandBasis) -> list[Reason]:
    found = []
    for point, answer in ((basis.high, "suspicious"), (basis.low, "unsuspicious")):
        if point is None:
            text = f"the measured errors do not allow any medium to be called {answer} within the limit"
            found.append(reason(ReasonCode.BAND_UNSUPPORTED, text))
    return found


def quality_reason(quality: float) -> Reason:
    """Say what the medium's state leaves of the evidence, ``quality`` of it in [0, 1)."""
    share = f"{quality:.0%}"
    left = "none" if share == "0%" else f"only {share}"
    return reason(
        ReasonCode.LOW_QUALITY, f"the state in which the medium arrived lets {left} of the evidence count"
    )


def calibration_text(panel: Panel | None, evidence: Sequence[Evidence]) -> str | None:
    """Name the data behind the number: sets, sizes and date of the panel, then of detectors outside it."""
    if panel is not None:
        parts = [_described("+".join(sorted(panel.weights)), panel.data, panel.date)]
        evidence = [item for item in evidence if item.detector not in panel.weights]
    else:
        parts = []
    for item in evidence:
        if isinstance(item.ground, Calibration):
            parts.append(_described(item.detector, item.ground.data, item.ground.date))
        elif isinstance(item.ground, InTheWild):
            parts.append(f"{item.detector}: published rates, {item.ground.source}")
    return "; ".join(parts) or None


def _described(name: str, data: Sequence[DataSet], date: str) -> str:
    sets = sorted(data, key=lambda item: (-(item.real + item.fake), item.name))
    names = ", ".join(item.name for item in sets[:_SETS_NAMED])
    if len(sets) > _SETS_NAMED:
        names += f" and {len(sets) - _SETS_NAMED} more"
    real, fake = sum(item.real for item in data), sum(item.fake for item in data)
    return f"{name}: {names} ({real} real, {fake} fake; {date})"
