"""The ensemble's fitted data: which detectors were measured together, their weights, and where bands begin.

A *panel* is a set of detectors whose summed evidence was measured, out of fold by source, on media of one
kind. Its error curves hold the measured error at each possible cut, so that one file serves every configured
limit. The bounds hold for media like the measured ones, all sources pooled; a single source may do worse.
`analysis/ensemble/calibration.json` holds the panels that ship; `python -m analysis.calibration` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import log
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from analysis.errors import ConfigurationError
from analysis.model import Kind
from detectors.record import DataSet

CALIBRATION_FILE: Final = Path(__file__).with_name("calibration.json")

HIGH_FLOOR: Final = log(10) / 2
"""Least LLR for `high`: 10^0.5 to 1, where "substantial" begins in Jeffreys, Theory of Probability (1961)."""
LOW_CEILING: Final = -log(2)
"""Greatest LLR for `low`: the medium is at most half as likely a fake as before."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ErrorPoint(_Frozen):
    """What was measured at one cut.

    ``errors`` media of the wrong class lie beyond it, ``bound`` is the upper 95 % Clopper-Pearson bound of
    their rate, ``gain`` the lower 95 % bound of the rate at which the right class lies beyond it.
    """

    cut: float
    errors: int = Field(ge=0)
    bound: float = Field(ge=0, le=1)
    gain: float = Field(ge=0, le=1)


class ErrorCurve(_Frozen):
    """Error points on a grid fixed beforehand, strictest first; ``media`` of the wrong class in all."""

    media: int = Field(ge=0)
    points: tuple[ErrorPoint, ...]

    def cut(self, limit: float) -> ErrorPoint | None:
        """Return the least strict point whose error keeps within ``limit``; None: there is no such band.

        The points are tried from the strictest on and the search ends at the first that fails, which keeps
        the 95 % although many cuts are tried (fixed-sequence testing: Angelopoulos et al. 2021, "Learn then
        Test"). A point counts only if the band gains more of the right class than it takes of the wrong one.
        """
        best = None
        for point in self.points:
            if point.bound > limit:
                break
            if point.gain > point.bound:
                best = point
        return best


class CalibrationError(_Frozen):
    """Expected calibration error over bins of equal weight, and the same of labels drawn from the
    probabilities (`chance`): its mean and the middle 95 % of its distribution.

    ``sweep`` takes as many bins as leave the shares of fakes in order (Roelofs et al. 2022, arXiv 2012.08668,
    who found it the least biased).
    """

    equal_mass: float
    sweep: float
    chance: float
    chance_low: float
    chance_high: float

    @property
    def within_chance(self) -> bool:
        """Whether a perfectly calibrated predictor would often seem as far off."""
        return self.equal_mass <= self.chance_high

    def __str__(self) -> str:
        return (
            f"{self.equal_mass:.3f} over ten bins of equal weight ({self.sweep:.3f} by monotonic sweep); "
            f"perfectly calibrated probabilities would show {self.chance:.3f} by chance "
            f"(95 %: {self.chance_low:.3f} to {self.chance_high:.3f})"
        )


class Panel(_Frozen):
    """One measured set of detectors.

    ``weights`` and ``calibrators`` (fingerprints of the members' calibrations that were measured) are by
    member. ``high`` counts real media at or above a cut, ``low`` fakes at or below it. ``ece`` and ``brier``
    are out of fold by source, classes balanced, over media of which a probability would be said;
    ``calibration_error`` sets the former beside chance.
    """

    weights: Mapping[str, float]
    calibrators: Mapping[str, str]
    high: ErrorCurve
    low: ErrorCurve
    ece: float
    brier: float
    calibration_error: CalibrationError | None = None
    data: tuple[DataSet, ...]
    date: str
    protocol: str

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.weights or self.weights.keys() != self.calibrators.keys():
            raise ValueError("weights and calibrators must name the same members, at least one")
        if not all(0 <= weight <= 1 for weight in self.weights.values()):
            raise ValueError("weights must lie between 0 and 1")
        if any(point.cut < HIGH_FLOOR for point in self.high.points):
            raise ValueError(f"a cut for `high` must not lie below {HIGH_FLOOR:.3f}")
        if any(point.cut > LOW_CEILING for point in self.low.points):
            raise ValueError(f"a cut for `low` must not lie above {LOW_CEILING:.3f}")
        return self


class EnsembleCalibration(_Frozen):
    """All panels, by kind of medium; kinds that were never measured are absent."""

    version: Literal[1] = 1
    panels: Mapping[Kind, tuple[Panel, ...]] = {}


def load_calibration(path: Path = CALIBRATION_FILE) -> EnsembleCalibration:
    """Read the panels; a missing file means that nothing was measured yet.

    Raises:
        ConfigurationError: the file is not a well-formed ensemble calibration.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return EnsembleCalibration()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"ensemble calibration {path.name} cannot be read: {error}") from error
    try:
        return EnsembleCalibration.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ConfigurationError(
            f"ensemble calibration {path.name}: {where}: {first['msg']}; "
            "refit it with `python -m analysis.calibration`"
        ) from error


def dump_calibration(calibration: EnsembleCalibration) -> str:
    """Return the file's text: stable order, one trailing newline."""
    return json.dumps(calibration.model_dump(mode="json"), indent=1, sort_keys=True) + "\n"
