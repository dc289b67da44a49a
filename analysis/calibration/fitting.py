"""Fitting: one detector's calibrator, and the weights of several detectors.

Few labels allow few parameters (one to three per detector). Classes are balanced by weights, so that the
fitted log-odds *are* log-likelihood ratios: the prior is out.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from analysis.calibration.methods import Method
from analysis.calibration.scores import SOURCE_CAP, ScoreTable
from analysis.ensemble.likelihood import SCORE_MARGIN, calibrated_llr
from detectors.metrics import Floats
from detectors.record import Calibration

WEIGHT_SPREAD = 0.25
"""Standard deviation of the prior on a detector's weight: about 30 media outweigh it."""
_LEAST_STD = 0.05
_LAPSES = (0.05, 0.3)
"""Where the search for a lapse begins: it has more than one valley."""
_MOST_LAPSE = 0.9
# Of scipy's bounded minimisers the one without BLAS, whose idle threads cost more than two parameters do.
_MINIMISER = "TNC"
_DIGITS = 6


def logits(scores: Floats) -> Floats:
    """Return ``ln(p / (1 - p))`` of scores, clipped as `likelihood.logit` does it."""
    clipped = np.clip(scores, SCORE_MARGIN, 1 - SCORE_MARGIN)
    return np.asarray(np.log(clipped / (1 - clipped)), dtype=np.float64)


def evidence_bound(table: ScoreTable) -> float:
    """Return the greatest ``|LLR|`` that the sample supports: ``ln(n + 1)``, n media of the rarer class.

    Were the next medium a misleading one, a ratio beyond ``(n + 1) / 1`` would be refuted: Laplace's rule of
    succession, and the idea of the empirical bounds of Vergeer et al. 2016 (Science & Justice 56:482).
    """
    return round(log(min(table.effective_media(0), table.effective_media(1)) + 1), _DIGITS)


def fit_calibration(table: ScoreTable, method: Method, *, date: str, one_sided: bool = False) -> Calibration:
    """Fit one detector's calibrator on all rows of its table; ``one_sided`` as `Calibration` has it.

    Raises:
        NotMeasurable: one class is missing.
    """
    weights, x = table.weights(), logits(table.scores[:, 0])
    parameters = _FITS[method](x, table, weights)
    sources, deliveries = np.unique(table.source), np.unique(table.delivery)
    return Calibration(
        method=method,
        parameters={name: round(value, _DIGITS) for name, value in parameters.items()},
        bound=evidence_bound(table),
        data=table.data_sets(),
        date=date,
        protocol=(
            f"fitted on out-of-fold scores of {len(np.unique(table.item))} media from {len(sources)} "
            f"sources, deliveries {', '.join(deliveries)}; classes and sources balanced (a source counts "
            f"as at most {SOURCE_CAP})"
        ),
        one_sided=one_sided,
    )


def _platt(x: Floats, table: ScoreTable, weights: Floats) -> dict[str, float]:
    """Logistic regression on the logit with Platt's smoothed targets (Platt 1999) and no negative slope."""
    target = _targets(table)
    u, centre, scale = _standardised(x, weights)

    def loss(theta: Floats) -> tuple[float, Floats]:
        z = theta[0] * u + theta[1]
        value = float(np.sum(weights * (np.logaddexp(0, z) - target * z)))
        error = weights * (expit(z) - target)
        return value, np.array([np.sum(error * u), np.sum(error)])

    found = minimize(loss, np.zeros(2), jac=True, method=_MINIMISER, bounds=[(0, None), (None, None)])
    slope = float(found.x[0]) / scale
    return {"slope": slope, "intercept": float(found.x[1]) - slope * centre}


def _targets(table: ScoreTable) -> Floats:
    real, fake = table.effective_media(0), table.effective_media(1)
    return np.where(table.label == 1, (fake + 1) / (fake + 2), 1 / (real + 2))


def _standardised(x: Floats, weights: Floats) -> tuple[Floats, float, float]:
    centre, scale = float(np.average(x, weights=weights)), max(float(np.std(x)), _LEAST_STD)
    return (x - centre) / scale, centre, scale


def _lapse(x: Floats, table: ScoreTable, weights: Floats) -> dict[str, float]:
    """As `_platt`, where a share of fakes scores as reals do: makers that a detector is deaf to.

    The share is the lapse rate of psychometric functions (Wichmann and Hill 2001, Perception & Psychophysics
    63:1293), here of misses alone.
    """
    target = _targets(table)
    u, centre, scale = _standardised(x, weights)

    def loss(theta: Floats) -> tuple[float, Floats]:
        slope, intercept, lapse = theta
        line = slope * u + intercept
        ratio = lapse + (1 - lapse) * np.exp(line)
        z = np.log(ratio)
        value = float(np.sum(weights * (np.logaddexp(0, z) - target * z)))
        error = weights * (expit(z) - target) / ratio
        rise = error * (1 - lapse) * np.exp(line)
        return value, np.array([np.sum(rise * u), np.sum(rise), np.sum(error * (1 - np.exp(line)))])

    bounds = [(0, 20), (-20, 20), (1e-6, _MOST_LAPSE)]
    searches = (
        minimize(loss, np.array([1.0, 0.0, lapse]), jac=True, method=_MINIMISER, bounds=bounds)
        for lapse in _LAPSES
    )
    best = min(searches, key=lambda found: float(found.fun)).x
    slope = float(best[0]) / scale
    return {"slope": slope, "intercept": float(best[1]) - slope * centre, "lapse": float(best[2])}


def _two_gaussian(x: Floats, table: ScoreTable, weights: Floats) -> dict[str, float]:
    """One normal density per class; where fakes do not score above reals, one for both: no evidence."""
    moments = []
    for chosen in (table.label == 0, table.label == 1, np.ones(len(table), dtype=bool)):
        mean = float(np.average(x[chosen], weights=weights[chosen]))
        variance = float(np.average((x[chosen] - mean) ** 2, weights=weights[chosen]))
        moments.append((mean, max(variance**0.5, _LEAST_STD)))
    real, fake, both = moments
    if fake[0] <= real[0]:
        real = fake = both
    return {"real_mean": real[0], "real_std": real[1], "fake_mean": fake[0], "fake_std": fake[1]}


_FITS = {"platt": _platt, "lapse": _lapse, "two_gaussian": _two_gaussian}


def llrs(calibrations: Sequence[Calibration], scores: Floats) -> Floats:
    """Return the LLR of each score, ``(rows, detectors)``, through each detector's calibrator."""
    columns = [
        [calibrated_llr(calibration, float(score)) for score in column]
        for calibration, column in zip(calibrations, scores.T, strict=True)
    ]
    return np.array(columns, dtype=np.float64).reshape(len(calibrations), -1).T


def fit_weights(evidence: Floats, table: ScoreTable) -> Floats:
    """Fit one weight in [0, 1] per detector for the sum of their LLRs, ``(rows, detectors)``.

    A single detector weighs 1: its calibrator already gives an LLR. Several repeat each other, so the weights
    are drawn toward ``1 / (1 + (m - 1) r)``, exact for m equally good detectors whose LLRs have the
    within-class correlation r, as far as the data does not say otherwise (logistic loss, normal prior).
    """
    members = evidence.shape[1]
    if members == 1:
        return np.ones(1)
    weights = table.weights()
    expected = 1 / (1 + (members - 1) * _mean_correlation(evidence, table, weights))
    media = min(table.effective_media(0), table.effective_media(1)) * 2

    def loss(theta: Floats) -> tuple[float, Floats]:
        z = evidence @ theta
        drawn = (theta - expected) / WEIGHT_SPREAD
        value = media * float(np.sum(weights * (np.logaddexp(0, z) - table.label * z)))
        slope = media * (evidence.T @ (weights * (expit(z) - table.label))) + drawn / WEIGHT_SPREAD
        return value + float(drawn @ drawn) / 2, slope

    found = minimize(loss, np.full(members, expected), jac=True, method=_MINIMISER, bounds=[(0, 1)] * members)
    return np.asarray(np.clip(found.x, 0, 1).round(_DIGITS), dtype=np.float64)


def _mean_correlation(evidence: Floats, table: ScoreTable, weights: Floats) -> float:
    """Return the mean within-class correlation of all pairs, in [0, 1]; constant evidence has none."""
    within = evidence.copy()
    for label in (0, 1):
        mine = table.label == label
        within[mine] -= np.average(within[mine], axis=0, weights=weights[mine])
    covariance = (within * weights[:, None]).T @ within
    scale = np.sqrt(np.diag(covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.nan_to_num(covariance / np.outer(scale, scale))
    pairs = correlation[np.triu_indices(len(scale), k=1)]
    return float(np.clip(pairs, 0, 1).mean())
