"""Weights records: everything that is known of a detector's weights, as data (DESIGN decision 3).

A record is one JSON file in `detectors/records/`; `load` reads and checks it. Nothing here imports torch:
listing detectors costs no more than reading a few files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cached_property
from importlib import resources
from typing import Any, Literal, Self

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
    the fitting set's class balance taken out. ``lapse``: ``llr = ln(lapse + (1 - lapse) * exp(slope *
    logit(score) + intercept))``: of so large a share of fakes the score shows nothing, as if they were real,
    so that no score speaks for a real one by more than ``-ln(lapse)``. ``two_gaussian``: parameters
    ``real_mean, real_std, fake_mean, fake_std`` of ``logit(score)``. ``bound`` caps ``|llr|``: evidence
    beyond what the sample can support. ``one_sided``: negative evidence counts as none
    (`WeightsRecord.narrow`).
    """

    method: Literal["platt", "lapse", "two_gaussian"]
    parameters: Mapping[str, float]
    bound: float = Field(gt=0)
    data: tuple[DataSet, ...]
    date: str
    protocol: str
    one_sided: bool = False


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
    """One measured figure with its bootstrap interval, on media that the detector never saw.

    ``clips`` is set where ``real`` and ``fake`` count frames: of so many real and fake clips. The interval
    then tells how it goes in these clips, and nothing of others.
    """

    protocol: str
    modality: Modality
    metric: str
    value: float
    low: float
    high: float
    real: int
    fake: int
    date: str
    clips: tuple[int, int] | None = None

    @property
    def media(self) -> tuple[int, int]:
        """How many real and fake media it was measured on."""
        return self.clips or (self.real, self.fake)


class Licence(_Frozen):
    """SPDX names, or the publisher's words. ``needs_acceptance``: non-commercial, research or copyleft.

    ``url`` is where the weights' licence can be read.
    """

    code: str
    weights: str
    needs_acceptance: bool = False
    url: str | None = None


class HubFile(_Frozen):
    """A file in a Hugging Face repository, ``owner/name``; ``revision`` is a commit wherever one is known."""

    repo: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    file: str
    revision: str

    def __str__(self) -> str:
        return f"hf://{self.repo}/{self.file}@{self.revision}"


class WeightsFile(_Frozen):
    """One file of weights, and how its published form becomes the tensors that a network takes.

    ``sha256`` is that of the published file (None: pinned at first use). ``url`` or ``hub`` is where programs
    get it; ``page`` is where people do, if programs cannot. ``wrapper`` is the key, or several joined by
    dots, below which a checkpoint keeps its tensors (None: found where it is one of the usual ones). Only
    tensors whose names begin with ``prefix`` are taken, without it (None: ``module.`` is taken off where all
    have it). ``dead`` are beginnings of the names that are left, of tensors that never reach the output
    (`is_dead`): they are dropped. ``licence`` is set where it is not the record's. A ``bundled`` file comes
    with this package, or in the ``package`` that is installed beside it.
    """

    name: str
    sha256: str | None
    bundled: bool = False
    package: str | None = None
    url: str | None = None
    hub: HubFile | None = None
    page: str | None = None
    wrapper: str | None = None
    prefix: str | None = None
    dead: tuple[str, ...] = ()
    licence: Licence | None = None

    @property
    def source(self) -> str | None:
        """Where programs get it, in one word; None where they cannot."""
        return str(self.hub) if self.hub else self.url


def is_dead(name: str, dead: tuple[str, ...]) -> bool:
    """Say whether a tensor's name begins as one of ``dead``, in which ``*`` stands for anything."""
    return any(fnmatchcase(name, f"{beginning}*") for beginning in dead)


class Cost(_Frozen):
    """What judging one input takes: ``gflop``, 10^9 additions and multiplications in the network, and median
    ``seconds`` from the view to the score on so many ``threads`` of the ``processor``.
    """

    gflop: float = Field(ge=0)
    seconds: float = Field(ge=0)
    threads: int = Field(ge=1)
    input: str
    processor: str
    date: str


class WeightsRecord(_Frozen):
    """Everything that is known of one detector's weights.

    ``parts`` are files beside ``file`` that the detector needs too, by the name that it gives them, such as a
    ``trunk`` that several detectors share. ``narrow``: it looks for one of several ways to fake, so that what
    it finds speaks for a fake, and that it finds nothing does not speak against one. ``purpose`` says what it
    looks for, to people.
    """

    name: str
    title: str
    purpose: str = ""
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
    cost: Cost | None = None
    narrow: bool = False

    def part(self, name: str | None) -> WeightsRecord:
        """Return this record as that of one of its files alone (None: the main one), with its licence."""
        file = self.file if name is None else self.parts[name]
        return self.model_copy(update={"file": file, "parts": {}, "licence": file.licence or self.licence})

    @cached_property
    def digest(self) -> str:
        """Changes with the weights and the preprocessing, whatever was measured of them since."""
        said = self.model_dump(mode="json", include={"name", "file", "parts", "preprocessing"})
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As in pydantic, without the digest that is remembered of this one."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("digest", None)
        return copied

    def files(self) -> tuple[WeightsRecord, ...]:
        """Return this record once for each of its files, the main one first."""
        return tuple(self.part(name) for name in (None, *self.parts))


def load(name: str) -> WeightsRecord:
    """Read one record.

    Raises:
        FileNotFoundError: there is no record of that name.
        pydantic.ValidationError: the record is not well-formed (a defect of this package).
    """
    text = resources.files("detectors").joinpath("records", f"{name}.json").read_text("utf-8")
    return WeightsRecord.model_validate_json(text)
