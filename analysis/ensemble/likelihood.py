"""From a score to evidence: natural-log likelihood ratios (LLR) of fake over real.

An LLR of 0 says nothing, ln 10 that the score is ten times as likely from a fake as from a real medium. All
functions rise (or stay level) with the score, so that a higher score never lowers the verdict.
"""

from __future__ import annotations

from math import exp, isfinite, log, log1p
from typing import Final

from analysis.ensemble.reasons import fingerprint_of
from analysis.errors import ConfigurationError
from detectors.record import Calibration, InTheWild

SCORE_MARGIN: Final = 1e-6
"""Scores are clipped to [margin, 1 - margin] before the logit, which is infinite at 0 and 1."""

_NEEDED = {
    "platt": ("slope", "intercept"),
    "lapse": ("slope", "intercept", "lapse"),
    "two_gaussian": ("real_mean", "real_std", "fake_mean", "fake_std"),
}


def logit(score: float) -> float:
    """Return ``ln(p / (1 - p))`` of a score in [0, 1], clipped by `SCORE_MARGIN`."""
    clipped = min(max(score, SCORE_MARGIN), 1 - SCORE_MARGIN)
    return log(clipped / (1 - clipped))


def sigmoid(log_odds: float) -> float:
    """Return the probability of log-odds, without overflow at either end."""
    if log_odds >= 0:
        return 1 / (1 + exp(-log_odds))
    return exp(log_odds) / (1 + exp(log_odds))


def check_calibration(detector: str, calibration: Calibration) -> None:
    """Refuse a calibration that cannot be used.

    Raises:
        ConfigurationError: a parameter is missing or not finite, a deviation is not positive, a lapse is no
            share, or the evidence would fall as the score rises.
    """
    values = calibration.parameters
    faults = [name for name in _NEEDED[calibration.method] if not isfinite(values.get(name, float("nan")))]
    if faults:
        raise ConfigurationError(
            f"calibration of {detector}: {', '.join(faults)} missing or not finite; refit it"
        )
    if calibration.method != "two_gaussian" and values["slope"] < 0:
        raise ConfigurationError(
            f"calibration of {detector}: its evidence falls as the score rises; refit it"
        )
    if calibration.method == "lapse" and not 0 <= values["lapse"] < 1:
        raise ConfigurationError(f"calibration of {detector}: lapse must lie in [0, 1); refit it")
    if calibration.method == "two_gaussian":
        if min(values["real_std"], values["fake_std"]) <= 0:
            raise ConfigurationError(f"calibration of {detector}: deviations must be positive; refit it")
        if values["fake_mean"] < values["real_mean"]:
            raise ConfigurationError(
                f"calibration of {detector}: fakes score below reals on average; refit it"
            )


def calibrated_llr(calibration: Calibration, score: float) -> float:
    """Return the LLR of a score through a checked calibration, within its bound."""
    raw = _CURVES[calibration.method](calibration, logit(score))
    least = 0.0 if calibration.one_sided else -calibration.bound
    return min(max(raw, least), calibration.bound)


def _platt(calibration: Calibration, x: float) -> float:
    return calibration.parameters["slope"] * x + calibration.parameters["intercept"]


def _lapse(calibration: Calibration, x: float) -> float:
    """The line, as far as fakes show at all; computed on the logarithms, so that nothing overflows."""
    lapse, line = calibration.parameters["lapse"], _platt(calibration, x)
    shown = log1p(-lapse) + line
    if not lapse:
        return shown
    most, least = max(shown, log(lapse)), min(shown, log(lapse))
    return most + log1p(exp(least - most))


def _gauss(calibration: Calibration, x: float) -> float:
    """Log-ratio of two normal densities, level beyond its turning point.

    With unequal deviations the ratio is a parabola that turns outside the two means, where an extreme score
    would count *against* its own direction: an artefact of the model, so the turning value is kept.
    """
    values = calibration.parameters
    real_mean, real_std = values["real_mean"], values["real_std"]
    fake_mean, fake_std = values["fake_mean"], values["fake_std"]
    curvature = 1 / real_std**2 - 1 / fake_std**2
    if curvature:
        turn = (real_mean / real_std**2 - fake_mean / fake_std**2) / curvature
        x = max(x, turn) if curvature > 0 else min(x, turn)
    return (
        log(real_std / fake_std)
        + ((x - real_mean) / real_std) ** 2 / 2
        - ((x - fake_mean) / fake_std) ** 2 / 2
    )


_CURVES = {"platt": _platt, "lapse": _lapse, "two_gaussian": _gauss}


def published_llr(rates: InTheWild, score: float) -> float:
    """Return the LLR that published error rates support; 0 where they are no better than chance."""
    if rates.tpr <= rates.fpr:
        return 0.0
    if score >= rates.threshold:
        return log(rates.tpr / rates.fpr)
    return log((1 - rates.tpr) / (1 - rates.fpr))


def calibration_fingerprint(calibration: Calibration) -> str:
    """Return a hash of what turns scores into evidence: method, parameters, bound."""
    return fingerprint_of(calibration.model_dump(mode="json", include={"method", "parameters", "bound"}))
