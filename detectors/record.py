"""Weights records: everything that is known of a detector's weights, as data (DESIGN decision 3).

A record is one JSON file in `detectors/records/`; `load` reads and checks it. Nothing here imports torch:
listing detectors costs no more than reading a few files.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from detectors.base import Modality


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataSet(_Frozen):
    """A named set of media that a figure was measured or fitted on, with its sizes."""

    name: str
    real: int = Field(ge=0)
    fake: int = Field(ge=0)


class Calibration(_Frozen):
    """How a score becomes evidence in one modality: a calibrator fitted on scores of media never trained on.

    ``platt``: ``llr = slope * logit(score) + intercept``, natural log-likelihood ratio of fake over real with
    the fitting set's class balance taken out. ``two_gaussian``: parameters ``real_mean, real_std, fake_mean,
    fake_std`` of ``logit(score)``. ``bound`` caps ``|llr|``: evidence beyond what the sample can support.
    """

    method: Literal["platt", "two_gaussian"]
    parameters: Mapping[str, float]
    bound: float = Field(gt=0)
    data: tuple[DataSet, ...]
    date: str
    protocol: str


class InTheWild(_Frozen):
    """Published in-the-wild error rates of a detector whose calibration was never fitted here.

    They bound its evidence: ``ln(tpr / fpr)`` for a score at or above ``threshold``, ``ln((1 - tpr) /
    (1 - fpr))`` below.
    """

    tpr: float = Field(gt=0, lt=1)
    fpr: float = Field(gt=0, lt=1)
    threshold: float = 0.5
    source: str


class Measurement(_Frozen):
    """One measured figure with its bootstrap interval, on media that the detector never saw."""

    protocol: str
    modality: Modality
    metric: str
    value: float
    low: float
    high: float
    real: int
    fake: int
    date: str


class Licence(_Frozen):
    """SPDX names, or the publisher's words. ``needs_acceptance``: non-commercial, research or copyleft."""

    code: str
    weights: str
    needs_acceptance: bool = False


class WeightsFile(_Frozen):
    """One file of weights: its name, and the SHA-256 that it must have (None: pinned at first use)."""

    name: str
    sha256: str | None
    bundled: bool = False
    url: str | None = None


class WeightsRecord(_Frozen):
    """Everything that is known of one detector's weights.

    ``parts`` are files beside ``file`` that the detector needs too, by the name that it gives them, such as a
    ``trunk`` that several detectors share.
    """

    name: str
    title: str
    architecture: str
    paper: str
    modalities: tuple[Modality, ...]
    parameters: int
    licence: Licence
    file: WeightsFile
    parts: Mapping[str, WeightsFile] = {}
    preprocessing: Mapping[str, str | int | float]
    trained_on: tuple[DataSet, ...]
    recipe: str
    calibration: Mapping[Modality, Calibration] = {}
    in_the_wild: Mapping[Modality, InTheWild] = {}
    measured: tuple[Measurement, ...] = ()
    limits: tuple[str, ...] = ()


def load(name: str) -> WeightsRecord:
    """Read one record.

    Raises:
        FileNotFoundError: there is no record of that name.
        pydantic.ValidationError: the record is not well-formed (a defect of this package).
    """
    text = resources.files("detectors").joinpath("records", f"{name}.json").read_text("utf-8")
    return WeightsRecord.model_validate_json(text)
