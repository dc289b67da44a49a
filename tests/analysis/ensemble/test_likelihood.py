"""From scores to likelihood ratios."""

from __future__ import annotations

from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from analysis.ensemble.likelihood import (
    calibrated_llr,
    check_calibration,
    logit,
    published_llr,
    sigmoid,
)
from analysis.errors import ConfigurationError
from detectors.record import Calibration
from tests.analysis.ensemble.builders import gaussian, lapsing, platt, rates

unit = st.floats(0, 1)


def test_logit_and_sigmoid_undo_each_other_and_stay_finite() -> None:
    assert sigmoid(logit(0.3)) == pytest.approx(0.3)
    assert logit(0.5) == 0
    assert logit(1.0) == pytest.approx(-logit(0.0)) == pytest.approx(log(1e6))
    assert sigmoid(-1000) == 0
    assert sigmoid(1000) == 1


def test_platt_is_a_line_in_the_logit_within_its_bound() -> None:
    calibration = platt(slope=2, intercept=-0.5, bound=3)
    assert calibrated_llr(calibration, 0.6) == pytest.approx(2 * log(0.6 / 0.4) - 0.5)
    assert calibrated_llr(calibration, 1.0) == 3
    assert calibrated_llr(calibration, 0.0) == -3


def test_a_lapse_is_a_share_of_fakes_that_score_as_reals_do() -> None:
    calibration = lapsing(slope=2, intercept=-0.5, lapse=0.25)
    ratio = exp(2 * log(0.6 / 0.4) - 0.5)
    assert calibrated_llr(calibration, 0.6) == pytest.approx(log(0.25 + 0.75 * ratio))
    assert calibrated_llr(calibration, 0.0) == pytest.approx(log(0.25))
    assert calibrated_llr(calibration, 1.0) == calibration.bound


@given(
    slope=st.floats(0, 50),
    intercept=st.floats(-50, 50),
    lapse=st.floats(0, 0.99),
    scores=st.tuples(unit, unit),
)
def test_a_lapse_never_lets_evidence_fall(
    slope: float, intercept: float, lapse: float, scores: tuple[float, float]
) -> None:
    calibration, (low, high) = lapsing(slope, intercept, lapse), sorted(scores)
    assert calibrated_llr(calibration, low) <= calibrated_llr(calibration, high) + 1e-9
    assert abs(calibrated_llr(calibration, high)) <= calibration.bound


@given(slope=st.floats(0, 5), intercept=st.floats(-2, 2), score=unit)
def test_without_a_lapse_it_is_platts_line(slope: float, intercept: float, score: float) -> None:
    line = calibrated_llr(platt(slope, intercept), score)
    assert calibrated_llr(lapsing(slope, intercept, 0.0), score) == pytest.approx(line)


def test_two_gaussian_is_the_log_ratio_of_densities() -> None:
    calibration = gaussian(real=(-1, 1), fake=(1, 1.5))
    x = 0.7
    score = 1 / (1 + exp(-x))
    assert calibrated_llr(calibration, score) == pytest.approx(norm.logpdf(x, 1, 1.5) - norm.logpdf(x, -1, 1))


@given(
    real=st.floats(-3, 3),
    distance=st.floats(0, 4),
    stds=st.tuples(st.floats(0.05, 3), st.floats(0.05, 3)),
    scores=st.tuples(unit, unit),
)
def test_two_gaussian_never_falls(
    real: float, distance: float, stds: tuple[float, float], scores: tuple[float, float]
) -> None:
    calibration = gaussian((real, stds[0]), (real + distance, stds[1]))
    low, high = sorted(scores)
    assert calibrated_llr(calibration, low) <= calibrated_llr(calibration, high) + 1e-9
    assert abs(calibrated_llr(calibration, high)) <= calibration.bound


@pytest.mark.parametrize(
    ("calibration", "fault"),
    [
        (platt(slope=-1), "falls"),
        (platt(slope=float("nan")), "slope missing or not finite"),
        (platt().model_copy(update={"parameters": {"slope": 1.0}}), "intercept missing"),
        (lapsing(slope=-1), "falls"),
        (lapsing(lapse=1.0), r"lapse must lie in \[0, 1\)"),
        (platt().model_copy(update={"method": "lapse"}), "lapse missing"),
        (gaussian((0, 0), (1, 1)), "positive"),
        (gaussian((1, 1), (0, 1)), "below reals"),
    ],
)
def test_unusable_calibrations_are_refused(calibration: Calibration, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        check_calibration("d", calibration)


def test_published_rates_bound_the_evidence() -> None:
    assert published_llr(rates(0.8, 0.2), 0.5) == pytest.approx(log(4))
    assert published_llr(rates(0.8, 0.2), 0.999) == pytest.approx(log(4))
    assert published_llr(rates(0.8, 0.2), 0.499) == pytest.approx(-log(4))
    assert published_llr(rates(0.3, 0.4), 0.999) == 0  # worse than chance says nothing
