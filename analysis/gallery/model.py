"""What a gallery holds, as it is kept beside the model cards: ``NAME.json`` and its pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from analysis.ensemble.likelihood import calibration_fingerprint
from detectors.record import WeightsRecord


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shown(_Frozen):
    """One medium that is shown.

    ``picture`` is the file beside the manifest, ``sha256`` that of its bytes. ``medium`` names the sample
    that it is or, with ``made_by``, of which that generator made it; ``done`` says in words what was done,
    ``fake`` what it is. ``evidence`` is the detector's alone, a natural-log likelihood ratio, ``probability``
    what it comes to where fakes are as frequent as reals, and ``words`` what the product says of it.
    """

    picture: str
    sha256: str
    medium: str
    made_by: str
    done: str
    fake: bool
    score: float
    evidence: float
    probability: float
    words: str


class Counted(_Frozen):
    """How many media of a class were judged, and how many of them wrongly."""

    judged: int
    wrong: int


class Gallery(_Frozen):
    """One detector's gallery.

    ``weights`` and ``calibrators`` tell whether it is still that of the detector (`is_current`).
    ``by_score``: it gives no evidence, so that its scores are taken, cut at 0.5. ``one_sided``: that it finds
    nothing is no evidence, so that a fake counts as missed where it finds nothing. ``makers`` counts the
    fakes by generator, "" for samples. ``refused`` media it could not judge.
    """

    detector: str
    weights: str
    calibrators: Mapping[str, str]
    seed: int
    by_score: bool
    one_sided: bool
    real: Counted
    fake: Counted
    makers: Mapping[str, Counted]
    refused: int
    false_alarms: tuple[Shown, ...]
    misses: tuple[Shown, ...]
    strips: tuple[tuple[Shown, ...], ...]

    def shown(self) -> tuple[Shown, ...]:
        """Everything that is shown, in its order."""
        return (*self.false_alarms, *self.misses, *(shown for strip in self.strips for shown in strip))


def calibrators(record: WeightsRecord) -> dict[str, str]:
    """By modality, what changes whenever a score would give other evidence."""
    return {modality.value: calibration_fingerprint(of) for modality, of in record.calibration.items()}


def is_current(gallery: Gallery, record: WeightsRecord) -> bool:
    """Say whether it was made with a detector's present weights and calibration."""
    return gallery.weights == record.digest and gallery.calibrators == calibrators(record)


def is_whole(gallery: Gallery, folder: Path) -> bool:
    """Say whether all its pictures are in a folder, as they were made."""
    return all(
        (path := folder / shown.picture).is_file()
        and hashlib.sha256(path.read_bytes()).hexdigest() == shown.sha256
        for shown in gallery.shown()
    )
