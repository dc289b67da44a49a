"""How each detector does here: on what people reviewed, against its calibration set, and how fast."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

from analysis.ensemble.evidence import modality_of
from analysis.ensemble.likelihood import calibrated_llr, sigmoid
from analysis.model import Kind
from bot.judging_again import FAKE, REAL
from detectors.errors import NotMeasurable

if TYPE_CHECKING:
    from analysis.calibration.drift import Drift
    from detectors.record import Calibration, WeightsRecord
    from detectors.resampling import Interval
    from state.store import Store

LEAST_REVIEWS = 10
"""Of fewer reals or fakes neither a curve is drawn nor a rate told."""
LATEST_MEDIA = 1000
"""The drift is measured on the unreviewed among so many media; times are of as many analyses."""
FALSE_ALARMS = 0.05


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds that a detector took for a medium, in the latest analyses; ``slow`` is the 95th percentile."""

    median: float
    slow: float
    count: int


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Scores of reviewed media of one kind; ``labels`` are 0 (real) or 1 (fake or manipulated)."""

    kind: Kind
    labels: tuple[int, ...]
    scores: tuple[float, ...]

    @property
    def fake(self) -> int:
        """How many are fakes."""
        return sum(self.labels)

    @property
    def real(self) -> int:
        """How many are real."""
        return len(self.labels) - self.fake

    @property
    def enough(self) -> bool:
        """Whether curves and rates can be told."""
        return min(self.real, self.fake) >= LEAST_REVIEWS


@dataclass(frozen=True, slots=True)
class Rates:
    """AUC, and the share of fakes found with `FALSE_ALARMS` of the reals flagged; 95 % intervals."""

    auc: Interval
    found: Interval


@dataclass(frozen=True, slots=True)
class Bin:
    """Of the media to which about one probability was ``said``: the share of ``fakes``, and of all media."""

    said: float
    fakes: float
    share: float


@dataclass(frozen=True, slots=True)
class Drifted:
    """The drift on media of one kind, or why none can be told."""

    kind: Kind
    drift: Drift | None
    why: str = ""


def speeds(store: Store) -> dict[str, Speed]:
    """By detector, as far as any has judged here."""
    found = {}
    for stage, seconds in store.figures.stage_seconds(LATEST_MEDIA).items():
        what, _, name = stage.partition(":")
        if what == "detector" and name:
            slow = quantiles(seconds, n=20)[-1] if len(seconds) >= 20 else max(seconds)
            found[name] = Speed(median(seconds), slow, len(seconds))
    return found


def reviewed(store: Store, records: Iterable[WeightsRecord]) -> dict[str, dict[Kind, Reviewed]]:
    """What the weights in use said of media reviewed as real or fake, by detector and kind."""
    digests = {record.name: record.digest for record in records}
    pairs: dict[str, dict[Kind, list[tuple[int, float]]]] = {name: {} for name in digests}
    for found in store.reviews.scores():
        is_in_use = found.weights is not None and digests.get(found.detector) == found.weights
        if is_in_use and found.label in REAL | FAKE:
            mine = pairs[found.detector].setdefault(Kind(found.kind), [])
            mine.append((int(found.label in FAKE), found.score))
    return {
        name: {kind: _reviewed(kind, of) for kind, of in sorted(kinds.items())}
        for name, kinds in pairs.items()
    }


def _reviewed(kind: Kind, pairs: Sequence[tuple[int, float]]) -> Reviewed:
    return Reviewed(kind, tuple(label for label, _ in pairs), tuple(score for _, score in pairs))


def calibration_scores(name: str) -> Path | None:
    """The out-of-fold scores of a detector's calibration set, where its record keeps them."""
    path = Path(str(resources.files("detectors").joinpath("records", f"{name}.scores.csv")))
    return path if path.is_file() else None


def probabilities(record: WeightsRecord, found: Reviewed) -> tuple[float, ...] | None:
    """What the calibrator says of each score, with even odds before it; None where there is none."""
    calibration = calibration_of(record, found.kind)
    if calibration is None:
        return None
    return tuple(sigmoid(calibrated_llr(calibration, score)) for score in found.scores)


def bins(record: WeightsRecord, found: Reviewed) -> tuple[Bin, ...]:
    """The reliability of its probabilities, classes balanced; empty with too few reviews, or without any."""
    from detectors.metrics import reliability

    said = probabilities(record, found)
    if said is None or not found.enough:
        return ()
    weights = [found.real if label else found.fake for label in found.labels]
    curve = reliability(found.labels, said, weights)
    columns = (curve.predicted, curve.observed, curve.share)
    return tuple(Bin(*map(float, values)) for values in zip(*columns, strict=True))


def calibration_of(record: WeightsRecord, kind: Kind) -> Calibration | None:
    """By what a detector's score counts on media of a kind, if by anything fitted."""
    return record.calibration.get(modality_of(kind, record))


@lru_cache(maxsize=128)
def rates(found: Reviewed) -> Rates | None:
    """Measure on what was reviewed; None with too few reviews."""
    from detectors import figures
    from detectors.resampling import bootstrap

    if not found.enough:
        return None
    return Rates(
        bootstrap(figures.auc, found.labels, found.scores),
        bootstrap(figures.recall_at(FALSE_ALARMS), found.labels, found.scores),
    )


def calibration_sets(record: WeightsRecord) -> list[Kind]:
    """The kinds of media for which the scores of a detector's calibration set are kept."""
    if calibration_scores(record.name) is None:
        return []
    return [Kind(modality.value) for modality in record.calibration]


def drifts(store: Store, record: WeightsRecord) -> list[Drifted]:
    """The drift on every kind of media that the detector has judged lately."""
    seen = store.judged.unreviewed_scores(record.name, record.digest, LATEST_MEDIA)
    return [_drift(record, Kind(kind), tuple(scores)) for kind, scores in sorted(seen.items())]


def _drift(record: WeightsRecord, kind: Kind, scores: tuple[float, ...]) -> Drifted:
    if calibration_of(record, kind) is None:
        return Drifted(kind, None, "no calibrator was fitted for this kind of media")
    try:
        return Drifted(kind, _measured(record.name, Kind(modality_of(kind, record).value), scores))
    except NotMeasurable as error:
        return Drifted(kind, None, str(error))


@lru_cache(maxsize=128)
def _measured(name: str, kind: Kind, scores: tuple[float, ...]) -> Drift:
    import numpy as np

    from analysis.calibration.drift import drift
    from analysis.calibration.scores import read_scores, table_of

    path = calibration_scores(name)
    if path is None:
        raise NotMeasurable("the record keeps no scores of its calibration set")
    table = table_of(name, read_scores(path), kind)
    if not len(table):
        raise NotMeasurable("the record keeps no scores of its calibration set on this kind of media")
    return drift(table, np.array(scores))
