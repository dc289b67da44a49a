"""Intervals, and the figures that are measured over whole bootstraps, against scikit-learn's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from detectors import figures, metrics, resampling
from detectors.errors import NotMeasurable
from detectors.resampling import Figure


def noisy(n: int = 400, seed: int = 1) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    labels = (np.arange(n) % 3 == 0).astype(np.int64)
    return labels, (1 / (1 + np.exp(-(labels * 2 - 1 + random.normal(size=n) * 1.5)))).round(2)


def balanced(labels: Any) -> Any:
    return np.where(labels == 1, 0.5 / labels.sum(), 0.5 / (labels == 0).sum())


PAIRS: list[tuple[Figure, Callable[[Any, Any], float]]] = [
    (figures.auc, metrics.auc),
    (figures.average_precision, metrics.average_precision),
    (figures.balanced_accuracy(), metrics.balanced_accuracy),
    (figures.balanced_accuracy(0.3), lambda y, s: metrics.balanced_accuracy(y, s, 0.3)),
    (figures.recall_at(0.05), lambda y, s: metrics.tpr_at_fpr(y, s, 0.05)),
    (figures.recall_at(0.01), lambda y, s: metrics.tpr_at_fpr(y, s, 0.01)),
    (figures.brier, lambda y, s: metrics.brier(y, s, balanced(y))),
    (figures.ece, lambda y, s: metrics.ece(y, s, balanced(y))),
    (figures.flagged(0.5, 0), lambda y, s: float((s[y == 0] >= 0.5).mean())),
    (figures.flagged(0.5, 1), lambda y, s: float((s[y == 1] >= 0.5).mean())),
]


@pytest.mark.parametrize(("figure", "metric"), PAIRS)
def test_figures_under_counts_are_the_metrics_of_what_was_drawn(
    figure: Figure, metric: Callable[[Any, Any], float]
) -> None:
    labels, scores = noisy(90)
    drawn = np.concatenate([np.ones((1, 90)), *resampling.counts(labels, resamples=4)])
    copies = [np.repeat(np.arange(90), row.astype(int)) for row in drawn]
    assert figure(labels, scores, drawn) == pytest.approx([metric(labels[i], scores[i]) for i in copies])


def test_the_plain_form_gives_the_same_interval() -> None:
    labels, scores = noisy(60)
    fast = resampling.bootstrap(figures.auc, labels, scores, resamples=50)
    slow = resampling.bootstrap(resampling.plain(metrics.auc), labels, scores, resamples=50)
    assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high))


def test_an_interval_covers_the_value_and_repeats_itself() -> None:
    labels, scores = noisy()
    found = resampling.bootstrap(figures.auc, labels, scores, seed=3)
    assert found.value == pytest.approx(metrics.auc(labels, scores))
    assert found.low < found.value < found.high
    assert found == resampling.bootstrap(figures.auc, labels, scores, seed=3)
    assert found != resampling.bootstrap(figures.auc, labels, scores, seed=4)
    assert 0.02 < found.high - found.low < 0.15


def test_every_resample_has_as_many_groups_of_each_class() -> None:
    labels = np.array([0] * 6 + [1] * 4)
    (drawn,) = resampling.counts(labels, resamples=200)
    assert (drawn[:, :6].sum(axis=1) == 6).all()
    assert (drawn[:, 6:].sum(axis=1) == 4).all()
    groups = ["a", "a", "b", "b", "c", "c", "d", "d", "e", "e"]
    (drawn,) = resampling.counts(labels, groups, resamples=200)
    assert (drawn[:, ::2] == drawn[:, 1::2]).all()


def test_blocks_hold_the_same_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, scores = noisy(50)
    whole = resampling.bootstrap(figures.auc, labels, scores, resamples=64)
    monkeypatch.setattr(resampling, "_CHUNK_VALUES", 400)
    assert len(list(resampling.counts(labels, resamples=64))) == 8
    assert resampling.bootstrap(figures.auc, labels, scores, resamples=64) == whole


def test_sources_that_differ_widen_the_interval() -> None:
    labels = np.arange(800) % 2
    scores = noisy(800)[1] * np.where(np.arange(800) // 80 % 2, 1.0, 0.3) * 0.5 + labels * 0.4
    sources = (np.arange(800) // 80).tolist()
    plain = resampling.bootstrap(figures.balanced_accuracy(), labels, scores)
    clustered = resampling.bootstrap(figures.balanced_accuracy(), labels, scores, sources)
    assert clustered.value == plain.value
    assert clustered.high - clustered.low > 1.2 * (plain.high - plain.low)


@pytest.mark.parametrize(
    ("labels", "groups", "fault"),
    [
        ([0, 0, 1, 1], ["a", "a", "b", "b"], "fewer than two real groups"),
        ([0, 0, 1], None, "fewer than two fake media"),
        ([1, 1], None, "only fake"),
        ([0, 1, 0, 1], ["a"], "1 groups for 4 scores"),
    ],
)
def test_data_that_gives_no_interval(labels: list[int], groups: list[str] | None, fault: str) -> None:
    with pytest.raises(NotMeasurable, match=fault):
        resampling.bootstrap(figures.auc, labels, np.linspace(0, 1, len(labels)), groups)


def test_a_spread_needs_resamples_that_gave_a_figure() -> None:
    found = resampling.spread(np.array([0.1, 0.2, 0.3, np.nan]), 0.2)
    assert (found.low, found.high) == pytest.approx((0.105, 0.295))
    with pytest.raises(NotMeasurable, match="1 of 3 resamples"):
        resampling.spread(np.array([0.1, np.nan, np.nan]), 0.1)
