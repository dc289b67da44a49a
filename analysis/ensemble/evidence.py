"""What each detector's score is worth as evidence, and on what ground."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from analysis.ensemble.likelihood import calibrated_llr, calibration_fingerprint, published_llr
from analysis.model import Kind
from detectors.base import Modality
from detectors.record import Calibration, InTheWild, WeightsRecord


class Basis(StrEnum):
    """What a score's evidence rests on."""

    CALIBRATED = "calibrated"
    PUBLISHED = "published"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One detector's score as evidence: ``llr`` in natural-log units, 0 where nothing is known of it.

    ``calibrator`` is the fingerprint of the calibration used, ``ground`` what the number rests on.
    """

    detector: str
    score: float
    llr: float
    basis: Basis
    calibrator: str | None = None
    ground: Calibration | InTheWild | None = None

    @property
    def silent(self) -> bool:
        """Whether it found nothing, and that says nothing: see `Calibration.one_sided`."""
        return isinstance(self.ground, Calibration) and self.ground.one_sided and self.llr <= 0


def modality_of(kind: Kind, record: WeightsRecord) -> Modality:
    """Return the modality under which a detector judges a medium: a sound detector hears a video's sound."""
    own = Modality(kind.value)
    if kind is Kind.VIDEO and own not in record.modalities and Modality.AUDIO in record.modalities:
        return Modality.AUDIO
    return own


def evidence_of(kind: Kind, detector: str, score: float, record: WeightsRecord | None) -> Evidence:
    """Weigh one score: by its calibration, else by published rates, else as nothing."""
    if record is None:
        return Evidence(detector, score, 0.0, Basis.NONE)
    modality = modality_of(kind, record)
    if calibration := record.calibration.get(modality):
        return Evidence(
            detector,
            score,
            calibrated_llr(calibration, score),
            Basis.CALIBRATED,
            calibration_fingerprint(calibration),
            calibration,
        )
    if rates := record.in_the_wild.get(modality):
        return Evidence(detector, score, published_llr(rates, score), Basis.PUBLISHED, None, rates)
    return Evidence(detector, score, 0.0, Basis.NONE)
