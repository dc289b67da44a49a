"""Drift: other shares of fakes are none, other scores are."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.calibration.drift import LEAST_MEDIA, drift
from analysis.calibration.scores import Row, ScoreTable, table_of
from analysis.model import Kind
from detectors.errors import NotMeasurable
from detectors.metrics import Floats


def rows(media: int, delivery: str = "as_is", seed: int = 0) -> list[Row]:
    rng = np.random.default_rng(seed)
    return [
        Row(
            f"{delivery}-{n}", Kind.IMAGE, "s", "", n % 2, delivery, float(rng.beta(*((2, 5), (5, 2))[n % 2]))
        )
        for n in range(media)
    ]


@pytest.fixture
def reference() -> ScoreTable:
    return table_of("d", rows(600), Kind.IMAGE)


def mixture(fakes: float, media: int = 400, seed: int = 1) -> Floats:
    rng = np.random.default_rng(seed)
    is_fake = rng.random(media) < fakes
    return np.where(is_fake, rng.beta(5, 2, media), rng.beta(2, 5, media))


@pytest.mark.parametrize("fakes", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_another_share_of_fakes_is_no_drift(reference: ScoreTable, fakes: float) -> None:
    found = drift(reference, mixture(fakes))
    assert not found.drifted
    assert found.share == pytest.approx(fakes, abs=0.12)
    assert (found.media, found.real, found.fake) == (400, 300, 300)


def test_other_scores_are_drift_with_an_interval_around_it(reference: ScoreTable) -> None:
    found = drift(reference, np.clip(mixture(0.5) + 0.3, 0, 1))
    assert found.drifted
    assert found.chance < found.low <= found.distance <= found.high <= 1


def test_chance_seldom_looks_like_drift(reference: ScoreTable) -> None:
    alarms = sum(drift(reference, mixture(0.3, 60, seed), seed).drifted for seed in range(60))
    assert alarms <= 9


def test_all_in_one_place_is_measured(reference: ScoreTable) -> None:
    assert drift(reference, np.ones(50)).distance > 0.8
    assert drift(reference, np.zeros(50)).distance > 0.8


def test_other_deliveries_of_the_set_are_left_aside() -> None:
    both = table_of("d", [*rows(300), *rows(300, "jpeg75", seed=9)], Kind.IMAGE)
    assert drift(both, mixture(0.5)).real == 150


@pytest.mark.parametrize(
    ("media", "seen", "message"),
    [
        (600, LEAST_MEDIA - 1, f"{LEAST_MEDIA - 1} media are too few"),
        (600, 1, "1 medium is too few"),
        (20, 100, "calibration set has 20"),
        (1, 100, "no fake media"),
    ],
)
def test_too_little_is_named(media: int, seen: int, message: str) -> None:
    with pytest.raises(NotMeasurable, match=message):
        drift(table_of("d", rows(media), Kind.IMAGE), mixture(0.5, seen))
