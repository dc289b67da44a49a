from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detectors.base import Modality
from detectors.training import dataset
from detectors.training.measure import METRICS, interval, laplacian_variance, measure, trivial_features


def test_measurements_carry_their_interval_and_sizes() -> None:
    labels = [0] * 30 + [1] * 20
    scores = [0.1 + n / 100 for n in range(30)] + [0.3 + n / 50 for n in range(20)]
    auc, accuracy = measure("left out", Modality.IMAGE, labels, scores, "2026-01-01")
    assert (auc.metric, accuracy.metric) == ("AUC", "balanced accuracy at 0.5")
    assert (auc.real, auc.fake) == (30, 20)
    above = np.mean([[f > r for r in scores[:30]] for f in scores[30:]])
    assert auc.value == pytest.approx(float(above), abs=0.02)
    assert auc.low < auc.value < auc.high
    assert accuracy.value == pytest.approx((1 + 0.5) / 2)  # every real is below 0.5, half of the fakes


def test_intervals_repeat_and_narrow_with_more_items() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for size in (20, 500):
        labels = np.arange(size) % 2
        scores = rng.normal(labels.astype(float))
        low, high = interval(METRICS["AUC"], labels, scores, 200)
        assert (low, high) == interval(METRICS["AUC"], labels, scores, 200)
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_blur_and_trivial_features(pictures: Path) -> None:
    sharp = np.indices((16, 16)).sum(axis=0) % 2 * 255.0
    assert laplacian_variance(np.full((16, 16), 9.0)) == 0.0
    assert laplacian_variance(sharp) > 1e5
    found = trivial_features(dataset.scan(pictures), 256)
    assert found["shorter side as is"] == 0.5
    assert found["is a PNG"] == 0.5
    assert (
        found["bits per pixel as is"] == 1.0
    )  # doubled pixels pack better: this synthetic set leaks, and it shows
