"""The ensemble's fitted data and its file."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from analysis.ensemble.panels import EnsembleCalibration, dump_calibration, load_calibration
from analysis.errors import ConfigurationError
from tests.analysis.ensemble.builders import HIGH, LOW, curve, images, panel, platt


@pytest.mark.parametrize(
    ("limit", "cut"), [(0.005, None), (0.0075, 3.0), (0.03, 3.0), (0.036, 2.0), (0.05, 2.0), (0.5, 1.5)]
)
def test_the_least_strict_cut_within_the_limit(limit: float, cut: float | None) -> None:
    point = HIGH.cut(limit)
    assert (point.cut if point else None) == cut


def test_a_cut_must_gain_more_than_it_errs() -> None:
    assert curve((2.0, 10, 0.05, 0.05), (1.5, 12, 0.06, 0.04)).cut(0.2) is None
    found = curve((2.0, 10, 0.05, 0.04), (1.5, 12, 0.06, 0.07)).cut(0.2)
    assert found is not None
    assert found.cut == 1.5


def test_the_search_ends_at_the_first_failure() -> None:
    assert curve((3.0, 9, 0.3, 0.9), (2.0, 0, 0.01, 0.9)).cut(0.05) is None


@pytest.mark.parametrize(
    "change",
    [
        {"weights": {}},
        {"weights": {"b": 1.0}},
        {"weights": {"a": 1.5}},
        {"high": curve((0.5, 0, 0.01, 0.9))},
        {"low": curve((-0.1, 0, 0.01, 0.9))},
    ],
)
def test_inconsistent_panels_are_refused(change: dict[str, object]) -> None:
    data = panel({"a": platt()}).model_dump() | change
    with pytest.raises(ValidationError):
        type(panel({"a": platt()})).model_validate(data)


def test_the_file_survives_a_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    stored = images(panel({"a": platt()}), panel({"a": platt(), "b": platt(2)}, low=LOW))
    path.write_text(dump_calibration(stored))
    assert load_calibration(path) == stored


def test_no_file_means_nothing_measured(tmp_path: Path) -> None:
    assert load_calibration(tmp_path / "none.json") == EnsembleCalibration()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 2}', '{"panels": {"hologram": []}}', '{"panels": {"image": [{}]}}']
)
def test_a_malformed_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"calibration\.json") as caught:
        load_calibration(path)
    assert "\n" not in str(caught.value)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "calibration.json").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_calibration(tmp_path / "calibration.json")
