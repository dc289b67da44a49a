"""An operator's own calibration: what reviews and scores of their own have taught, laid over what ships.

One JSON file. A kind of medium that it has panels for is judged by them alone; the calibrators that they were
measured with stand in for the detectors' shipped ones. Light: judging reads it without numpy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from analysis.ensemble.panels import EnsembleCalibration, Panel
from analysis.errors import ConfigurationError
from analysis.model import Kind
from detectors.base import Modality
from detectors.record import Calibration, WeightsRecord


class OwnCalibration(BaseModel):
    """``calibrators`` by detector and modality, ``panels`` by kind; ``date`` is YYYY-MM-DD."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = 1
    date: str
    calibrators: Mapping[str, Mapping[Modality, Calibration]]
    panels: Mapping[Kind, tuple[Panel, ...]]

    def over(self, shipped: EnsembleCalibration) -> EnsembleCalibration:
        """The shipped panels with these in place of those of the same kinds."""
        return EnsembleCalibration(panels={**shipped.panels, **self.panels})

    def records(self, shipped: Mapping[str, WeightsRecord]) -> dict[str, WeightsRecord]:
        """The shipped records with these calibrators."""
        laid = dict(shipped)
        for name, mine in self.calibrators.items():
            if name in laid:
                calibration = {**laid[name].calibration, **mine}
                laid[name] = laid[name].model_copy(update={"calibration": calibration})
        return laid


def load_own(path: Path) -> OwnCalibration | None:
    """Read an operator's calibration; None where there is none.

    Raises:
        ConfigurationError: it is not well-formed.
    """
    try:
        return OwnCalibration.model_validate_json(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        first = str(error.errors()[0]["msg"]) if isinstance(error, ValidationError) else str(error)
        mend = (
            "`veritag calibrate --write` makes it anew, `veritag calibrate --discard` goes back to what ships"
        )
        raise ConfigurationError(f"the calibration {path} cannot be used ({first}); {mend}") from error


def dump_own(own: OwnCalibration) -> str:
    """The file's text: stable order, one trailing newline."""
    return json.dumps(own.model_dump(mode="json"), indent=1, sort_keys=True) + "\n"


def save_own(own: OwnCalibration, path: Path) -> None:
    """Write an operator's calibration, whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(dump_own(own), "utf-8")
    partial.replace(path)
