from __future__ import annotations

import numpy as np
import pytest

from analysis.calibration.error import calibration_error
from detectors.errors import NotMeasurable


def test_a_perfect_predictor_is_off_by_no_more_than_chance() -> None:
    rng = np.random.default_rng(3)
    p = rng.uniform(0.05, 0.95, 400)
    found = calibration_error(rng.random(400) < p, p, np.arange(400), np.ones(400))
    assert 0.02 < found.chance_low < found.chance < found.chance_high < 0.12
    assert found.within_chance
    assert found.sweep < found.chance_high


def test_an_overconfident_predictor_is_off_by_more() -> None:
    rng = np.random.default_rng(3)
    p = np.where(rng.random(400) < 0.5, 0.95, 0.05)
    found = calibration_error(rng.random(400) < 0.5 + (p - 0.5) / 3, p, np.arange(400), np.ones(400))
    assert found.equal_mass == pytest.approx(0.3, abs=0.06)
    assert found.sweep == pytest.approx(0.3, abs=0.06)
    assert not found.within_chance


def test_fewer_media_are_further_off_by_chance() -> None:
    rng = np.random.default_rng(3)
    p = rng.uniform(0.05, 0.95, 300)
    labels = rng.random(300) < p
    apart = calibration_error(labels, p, np.arange(300), np.ones(300))
    three_each = calibration_error(labels, p, np.arange(300) // 3, np.ones(300))
    assert three_each.chance > apart.chance


def test_probabilities_that_say_nothing_share_one_bin() -> None:
    labels = np.arange(100) % 2
    p = 0.5 + 1e-6 * np.where(labels, -1, 1)
    found = calibration_error(labels, p, np.arange(100), np.ones(100))
    assert found.equal_mass == 0
    assert found.sweep == 0


def test_one_class_alone_is_refused() -> None:
    with pytest.raises(NotMeasurable, match="both classes"):
        calibration_error([1, 1], [0.5, 0.6], [0, 1], np.ones(2))
