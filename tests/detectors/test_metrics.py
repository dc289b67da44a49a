"""Figures against scikit-learn, scipy and hand-computed values, and on data that cannot give them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, mannwhitneyu

from detectors import metrics
from detectors.errors import NotMeasurable

Y = [0, 0, 1, 1]
S = [0.1, 0.4, 0.35, 0.8]


def noisy(n: int = 400, seed: int = 1) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    random = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    return labels, 1 / (1 + np.exp(-(labels * 2 - 1 + random.normal(size=n) * 1.5)))


def test_hand_computed_values() -> None:
    assert metrics.auc(Y, S) == 0.75
    assert metrics.average_precision(Y, S) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert metrics.balanced_accuracy(Y, S) == 0.75
    assert metrics.balanced_accuracy(Y, S, threshold=0.35) == 0.75  # at the threshold counts as fake
    assert metrics.tpr_at_fpr(Y, S, 0.0) == 0.5
    assert metrics.tpr_at_fpr(Y, S, 0.49) == 0.5
    assert metrics.tpr_at_fpr(Y, S, 0.5) == 1.0
    assert metrics.brier(Y, S) == pytest.approx((0.01 + 0.16 + 0.4225 + 0.04) / 4)
    assert metrics.brier(Y, S, [1, 0, 0, 1]) == pytest.approx(0.025)


def test_auc_is_the_mann_whitney_statistic_with_ties_counted_half() -> None:
    labels, scores = noisy()
    rounded = scores.round(1)
    u = mannwhitneyu(rounded[labels == 1], rounded[labels == 0]).statistic
    assert metrics.auc(labels, rounded) == pytest.approx(u / (200 * 200))
    assert metrics.auc(Y, [0.5] * 4) == 0.5


def test_tied_scores_are_taken_together() -> None:
    assert metrics.tpr_at_fpr(Y, [0.5, 0.2, 0.5, 0.9], 0.0) == 0.5
    assert metrics.tpr_at_fpr(Y, [0.5] * 4, 0.99) == 0.0


def test_reliability_and_ece_by_hand() -> None:
    labels = [0, 1, 1, 1]
    probabilities = [0.05, 0.05, 0.95, 1.0]
    curve = metrics.reliability(labels, probabilities)
    assert curve.predicted == pytest.approx([0.05, 0.975])
    assert curve.observed == pytest.approx([0.5, 1.0])
    assert curve.share == pytest.approx([0.5, 0.5])
    assert metrics.ece(labels, probabilities) == pytest.approx(0.5 * 0.45 + 0.5 * 0.025)
    assert metrics.ece(labels, probabilities, [0, 1, 1, 0], bins=10) == pytest.approx(0.5 * 0.95 + 0.5 * 0.05)


def test_a_calibrated_probability_has_little_ece() -> None:
    random = np.random.default_rng(0)
    probabilities = random.random(20_000)
    labels = (random.random(20_000) < probabilities).astype(int)
    assert metrics.ece(labels, probabilities) < 0.02
    assert metrics.ece(labels, probabilities**3) > 0.1


@pytest.mark.parametrize(("errors", "trials"), [(0, 59), (0, 58), (3, 100), (100, 100), (1, 1), (0, 1)])
def test_clopper_pearson_against_scipy(errors: int, trials: int) -> None:
    lower, upper = metrics.clopper_pearson(errors, trials)
    test = binomtest(errors, trials).proportion_ci(confidence_level=0.9, method="exact")
    assert (lower, upper) == pytest.approx((test.low, test.high))


def test_clopper_pearson_with_no_error_is_known_in_closed_form() -> None:
    assert metrics.clopper_pearson(0, 59)[1] == pytest.approx(1 - 0.05 ** (1 / 59))
    assert metrics.clopper_pearson(0, 59)[1] < 0.05 < metrics.clopper_pearson(0, 58)[1]


@pytest.mark.parametrize("arguments", [(0, 0), (2, 1), (-1, 5), (1, 5, 1.0)])
def test_no_rate(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(NotMeasurable, match="no rate"):
        metrics.clopper_pearson(*arguments)


FIGURES: list[Callable[[Any, Any], float]] = [
    metrics.auc,
    metrics.average_precision,
    metrics.balanced_accuracy,
    metrics.brier,
    metrics.ece,
    lambda labels, scores: metrics.tpr_at_fpr(labels, scores, 0.05),
]


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize(
    ("labels", "scores", "fault"),
    [
        ([], [], "no scores"),
        ([1], [0.5], "only fake"),
        ([0, 0, 0], [0.1, 0.2, 0.3], "only real"),
        ([0, 1], [0.1], "one length"),
        ([[0, 1]], [[0.1, 0.2]], "one length"),
        ([0, 2], [0.1, 0.2], "0 .real. or 1"),
        ([0, 1], [0.1, float("nan")], "finite"),
        ([0, 1], [0.1, float("inf")], "finite"),
    ],
)
def test_data_that_gives_no_figure(
    figure: Callable[[Any, Any], float], labels: list[int], scores: list[float], fault: str
) -> None:
    with pytest.raises(NotMeasurable, match=fault):
        figure(labels, scores)


def test_probabilities_weights_bins_and_limits_are_checked() -> None:
    with pytest.raises(NotMeasurable, match="between 0 and 1"):
        metrics.brier([0, 1], [0.1, 1.2])
    for weights in ([1.0], [-1.0, 2.0], [0.0, 0.0], [1.0, float("nan")]):
        with pytest.raises(NotMeasurable, match="weights"):
            metrics.brier([0, 1], [0.1, 0.2], weights)
    with pytest.raises(NotMeasurable, match="bin"):
        metrics.ece([0, 1], [0.1, 0.2], bins=0)
    with pytest.raises(NotMeasurable, match="limit"):
        metrics.tpr_at_fpr([0, 1], [0.1, 0.2], 1.5)


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=2, max_size=40))
def test_figures_stay_in_their_range(pairs: list[tuple[int, float]]) -> None:
    labels, scores = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    for figure in FIGURES:
        if len(set(labels)) < 2:
            with pytest.raises(NotMeasurable):
                figure(labels, scores)
        else:
            assert 0 <= figure(labels, scores) <= 1
