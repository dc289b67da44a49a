"""The reasons of verdicts: every code there is, and the sentences that several policies share.

Codes are stable: reply templates and operators' filters key on them. The texts are plain English for people.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Any

from analysis.model import Kind, Reason, Score
from detectors.record import WeightsRecord


class ReasonCode(StrEnum):
    """Why a verdict is what it is."""

    # What single detectors said.
    DETECTOR_SIGNS = "detector_signs"
    DETECTOR_LITTLE_SIGN = "detector_little_sign"
    DETECTOR_UNDECIDED = "detector_undecided"
    DETECTOR_PUBLISHED_RATES = "detector_published_rates"
    DETECTOR_UNCALIBRATED = "detector_uncalibrated"
    NOT_APPLICABLE = "not_applicable"
    NOTHING_JUDGED = "nothing_judged"
    LIMITED_EVIDENCE = "limited_evidence"
    # How `calibrated` came to its band.
    MEASURED_FALSE_ALARMS = "measured_false_alarms"
    MEASURED_MISSES = "measured_misses"
    NOT_STRONG_ENOUGH = "not_strong_enough"
    NO_CALIBRATED_EVIDENCE = "no_calibrated_evidence"
    BANDS_NOT_MEASURED = "bands_not_measured"
    BAND_UNSUPPORTED = "band_unsupported"
    LOW_QUALITY = "low_quality"
    QUALITY_CAUSE = "quality_cause"
    # What the check of copies found, under any policy.
    REDELIVERY_FLIPS = "redelivery_flips"
    # How `vote` came to its band.
    VOTES = "votes"
    NOISE_ONLY = "noise_only"
    VOTE_IGNORED = "vote_ignored"
    # What the medium says of its origin.
    CREDENTIALS_CAMERA = "credentials_camera"
    CREDENTIALS_GENERATED = "credentials_generated"
    CREDENTIALS_NEUTRAL = "credentials_neutral"
    CREDENTIALS_UNTRUSTED = "credentials_untrusted"
    CREDENTIALS_INVALID = "credentials_invalid"
    CREDENTIALS_UNREAD = "credentials_unread"
    GENERATOR_MARK = "generator_mark"
    # What was found for a copy of the medium.
    COPY_ANALYSED = "copy_analysed"
    COPY_REVIEWED = "copy_reviewed"
    # What people said.
    HUMAN_REVIEW = "human_review"
    HUMAN_REVIEW_SATIRE = "human_review_satire"


SINGULAR = {Kind.IMAGE: "image", Kind.VIDEO: "video", Kind.AUDIO: "audio recording"}
PLURAL = {Kind.IMAGE: "images", Kind.VIDEO: "videos", Kind.AUDIO: "audio recordings"}


def reason(code: ReasonCode, text: str, **figures: str | int) -> Reason:
    """Return a reason whose code is the stable string itself, with the figures in its text."""
    return Reason(code.value, text, figures)


def ordered(scores: Iterable[Score]) -> list[Score]:
    """Return the scores by detector name, so that nothing downstream depends on the order given.

    Raises:
        ValueError: one detector scored twice, or a score outside [0, 1] (a defect of the caller).
    """
    in_order = sorted(scores, key=lambda score: score.detector)
    for score in usable(in_order):
        if score.score is None or not 0 <= score.score <= 1:
            raise ValueError(f"{score.detector}: a score must lie between 0 and 1, not {score.score}")
    for first, second in pairwise(in_order):
        if first.detector == second.detector:
            raise ValueError(f"{first.detector} scored one medium twice")
    return in_order


def usable(scores: Iterable[Score]) -> list[Score]:
    """Return the scores that say something: applicable, with a number."""
    return [score for score in scores if score.applicable and score.score is not None]


def absences(kind: Kind, scores: Iterable[Score]) -> list[Reason]:
    """Say of each detector that could not judge why not, and, if none could, that nothing was judged."""
    scores = list(scores)
    silent = [score for score in scores if not score.applicable or score.score is None]
    found = []
    for score in silent:
        text = f"{score.detector} did not judge this {SINGULAR[kind]}: {score.reason or 'no reason given'}"
        found.append(reason(ReasonCode.NOT_APPLICABLE, text))
    if len(silent) == len(scores):
        found.append(reason(ReasonCode.NOTHING_JUDGED, f"no detector could judge this {SINGULAR[kind]}"))
    return found


def copy_analysed(kind: Kind, day: date) -> Reason:
    """Say that the scores are those of an earlier analysis of a copy."""
    return reason(
        ReasonCode.COPY_ANALYSED,
        f"a copy of this {SINGULAR[kind]} was analysed on {day.isoformat()} by the same detectors; these are "
        "its results, for the two look the same everywhere",
    )


def copy_reviewed(kind: Kind, label: str) -> Reason:
    """Say that a person's judgement of a copy asks for one of this medium; it does not decide here."""
    return reason(
        ReasonCode.COPY_REVIEWED,
        f"a person judged that copy of this {SINGULAR[kind]}: {label.replace('_', ' ')}; this one wants a "
        "review of its own",
    )


def limited_evidence(took_part: Sequence[str], records: Mapping[str, WeightsRecord]) -> list[Reason]:
    """Say that the evidence is limited where every detector that took part is one of the small bundled ones.

    A detector without a record counts as bundled here: nothing says that it is strong.
    """
    if not took_part or not all(_small(name, records) for name in took_part):
        return []
    return [
        reason(
            ReasonCode.LIMITED_EVIDENCE,
            "the evidence is limited: only the small bundled detectors took part "
            "(`veritag detectors` lists stronger ones, and ends with how they join)",
        )
    ]


def _small(name: str, records: Mapping[str, WeightsRecord]) -> bool:
    """Whether this is one of the small bundled networks; what asks services has no parameters of its own."""
    record = records.get(name)
    return record is None or (record.file.bundled and record.parameters > 0)


def fingerprint_of(value: Mapping[str, Any]) -> str:
    """Return a short stable hash of JSON-serialisable data."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
