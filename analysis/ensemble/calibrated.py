"""The policy `calibrated`: scores become likelihood ratios, the ratios are summed, measured error decides.

A score counts for as much as was measured of its detector on media that it never saw, never for more. The
bands `high` and `low` exist only where a panel of detectors was measured well enough for the configured
limits; everything else is `uncertain`. The arithmetic is plain Python: judging needs neither numpy nor torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum, isfinite

from analysis.ensemble.calibrated_reasons import (
    BandBasis,
    band_reasons,
    calibration_text,
    detector_reason,
    quality_reason,
)
from analysis.ensemble.evidence import Basis, Evidence, evidence_of
from analysis.ensemble.likelihood import check_calibration, sigmoid
from analysis.ensemble.panels import EnsembleCalibration, Panel
from analysis.ensemble.reasons import absences, fingerprint_of, limited_evidence, ordered, usable
from analysis.errors import ConfigurationError
from analysis.model import Band, Kind, Score, Verdict
from detectors.record import WeightsRecord

RULE_VERSION = 2
"""Raised whenever the policy's code changes its answer."""

LEAST_PROBABILITY, GREATEST_PROBABILITY = 0.01, 0.99


@dataclass(frozen=True, slots=True)
class Limits:
    """What the bands promise.

    ``high_false_alarms``: greatest share of real media in `high`; ``low_misses``: greatest share of generated
    or manipulated media in `low`; both by their upper 95 % confidence bound. ``prior_log_odds`` (natural log)
    moves the probability shown, never the band.
    """

    high_false_alarms: float = 0.05
    low_misses: float = 0.2
    prior_log_odds: float = 0.0

    def __post_init__(self) -> None:
        """Refuse limits that are no rates."""
        for name in ("high_false_alarms", "low_misses"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigurationError(f"{name} must lie between 0 and 1, not {getattr(self, name)}")
        if not isfinite(self.prior_log_odds):
            raise ConfigurationError(f"prior_log_odds must be a finite number, not {self.prior_log_odds}")


@dataclass(frozen=True, slots=True)
class Sum:
    """Summed evidence: ``measured`` of the panel alone, ``total`` with what was never measured together."""

    measured: float
    total: float


class CalibratedPolicy:
    """Judges by summed likelihood ratios and measured error rates."""

    name: str = "calibrated"
    fingerprint: str

    def __init__(
        self,
        calibration: EnsembleCalibration,
        *,
        records: Mapping[str, WeightsRecord] | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Take the measured panels, what is known of the detectors by name, and what the bands shall promise.

        Raises:
            ConfigurationError: a detector's calibration cannot be used.
        """
        self._calibration = calibration
        self._records = dict(records or {})
        self._limits = limits or Limits()
        for name, record in self._records.items():
            for fitted in record.calibration.values():
                check_calibration(name, fitted)
        self.fingerprint = fingerprint_of(
            {
                "policy": self.name,
                "version": RULE_VERSION,
                "limits": [
                    self._limits.high_false_alarms,
                    self._limits.low_misses,
                    self._limits.prior_log_odds,
                ],
                "panels": calibration.model_dump(mode="json"),
                "records": {
                    name: record.model_dump(mode="json", include={"calibration", "in_the_wild", "file"})
                    for name, record in self._records.items()
                },
            }
        )

    def judge(self, kind: Kind, scores: Sequence[Score], *, quality: float = 1.0) -> Verdict:
        """Return band and probability.

        ``quality`` in [0, 1] is how much of the evidence the medium's state lets through: 1 all, 0 none.
        ``probability`` is None where no detector's evidence rests on any measured or published rate.

        Raises:
            ValueError: quality outside [0, 1].
        """
        if not 0 <= quality <= 1:
            raise ValueError(f"quality must lie between 0 and 1, not {quality}")
        scores = ordered(scores)
        evidence = [
            evidence_of(kind, item.detector, item.score, self._records.get(item.detector))
            for item in usable(scores)
            if item.score is not None
        ]
        grounded = [item for item in evidence if item.basis is not Basis.NONE]
        panel, summed, basis, band = self._decide(self._panels(kind, grounded), grounded, quality)
        if not evidence:
            band = Band.UNKNOWN
        reasons = [
            *(detector_reason(kind, item) for item in evidence),
            *band_reasons(kind, band, basis, evidence),
            *absences(kind, scores),
            *limited_evidence([item.detector for item in grounded or evidence], self._records),
        ]
        if grounded and quality < 1:
            reasons.append(quality_reason(quality))
        return Verdict(
            band=band,
            probability=self._probability(summed.total) if grounded else None,
            policy=self.name,
            reasons=tuple(reasons),
            calibration=calibration_text(panel, grounded),
        )

    def _decide(
        self, panels: Sequence[Panel], evidence: Sequence[Evidence], quality: float
    ) -> tuple[Panel | None, Sum, BandBasis, Band]:
        """Judge by each panel; the first that calls the medium `high` decides, and for `low` all must agree.

        Panels that were never measured together share the limit on false alarms: the chance that any of them
        errs is at most the sum of theirs (Bonferroni).
        """
        share = self._limits.high_false_alarms / max(len(panels), 1)
        judged = []
        for panel in panels or (None,):
            basis = BandBasis(
                panel,
                panel.high.cut(share) if panel else None,
                panel.low.cut(self._limits.low_misses) if panel else None,
            )
            summed = _sum(evidence, panel, quality)
            judged.append((panel, summed, basis, _band(summed, basis)))
        high = next((each for each in judged if each[3] is Band.HIGH), None)
        if high is not None:
            return high
        undecided = next((each for each in judged if each[3] is not Band.LOW), None)
        return undecided or judged[0]

    def _panels(self, kind: Kind, evidence: Sequence[Evidence]) -> list[Panel]:
        """Return panels without a common member, each the largest of those whose members all took part with
        the calibrations that were measured.
        """
        present = {item.detector: item.calibrator for item in evidence if item.basis is Basis.CALIBRATED}
        fitting = [
            panel
            for panel in self._calibration.panels.get(kind, ())
            if panel.calibrators.items() <= present.items()
        ]
        chosen: list[Panel] = []
        for panel in sorted(fitting, key=lambda p: (-len(p.weights), p.brier, sorted(p.weights))):
            if all(panel.weights.keys().isdisjoint(other.weights) for other in chosen):
                chosen.append(panel)
        return chosen

    def _probability(self, llr: float) -> float:
        probability = sigmoid(self._limits.prior_log_odds + llr)
        return min(max(probability, LEAST_PROBABILITY), GREATEST_PROBABILITY)


def _sum(evidence: Sequence[Evidence], panel: Panel | None, quality: float) -> Sum:
    """Sum the panel by its fitted weights, and add the others as if all told the same story.

    How far detectors outside the panel repeat it was never measured, so each counts by its share of the
    number of detectors, as in a mean of all: never twice for one finding.
    """
    weights = panel.weights if panel else {}
    measured = fsum(weights[item.detector] * item.llr for item in evidence if item.detector in weights)
    others = fsum(item.llr for item in evidence if item.detector not in weights)
    total = measured + (others / len(evidence) if evidence else 0.0)
    return Sum(quality * measured, quality * total)


def _band(summed: Sum, basis: BandBasis) -> Band:
    """Cut the bands on measured evidence; unmeasured evidence can only pull a verdict back to `uncertain`."""
    if basis.high and min(summed.measured, summed.total) >= basis.high.cut:
        return Band.HIGH
    if basis.low and max(summed.measured, summed.total) <= basis.low.cut:
        return Band.LOW
    return Band.UNCERTAIN
