"""What `veritag calibrate` fits on: scores that ship, that are given, and of what people reviewed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.calibration.scores import Row, read_scores
from analysis.ensemble.combine import ReviewLabel
from analysis.model import Kind
from detectors import record

if TYPE_CHECKING:
    from state.store import Store

_LABELS = {ReviewLabel.REAL: 0, ReviewLabel.FAKE: 1, ReviewLabel.MANIPULATED: 1}


@dataclass(frozen=True, slots=True)
class Gathered:
    """Rows by detector, and of how many reviewed media some are (real, fake)."""

    rows: Mapping[str, tuple[Row, ...]]
    reviewed: tuple[int, int]


def gather(detectors: Sequence[str], given: Mapping[str, Path], store: Store | None) -> Gathered:
    """Bring the scores of some detectors together.

    Args:
        given: CSV files by detector, each in place of the one that ships.
        store: where reviews are; None: they are left out.

    Raises:
        NotMeasurable: a file is malformed.
    """
    rows = {name: list(_shipped(name, given)) for name in detectors}
    reviewed: dict[str, int] = {}
    for name, row in _reviewed(detectors, store):
        rows[name].append(row)
        reviewed[row.item] = row.label
    fakes = sum(reviewed.values())
    return Gathered(
        {name: tuple(found) for name, found in rows.items() if found}, (len(reviewed) - fakes, fakes)
    )


def _shipped(name: str, given: Mapping[str, Path]) -> tuple[Row, ...]:
    if name in given:
        return read_scores(given[name])
    with resources.as_file(resources.files("detectors") / "records" / f"{name}.scores.csv") as path:
        return read_scores(path) if path.is_file() else ()


def _reviewed(detectors: Sequence[str], store: Store | None) -> Iterable[tuple[str, Row]]:
    """Scores of reviewed media, by the weights that are in use now."""
    if store is None:
        return
    weights = {name: record(name).digest for name in detectors}
    for found in store.reviews.scores():
        label = _LABELS.get(ReviewLabel(found.label))
        if label is not None and found.detector in weights and weights[found.detector] == found.weights:
            # Sources are left out in turn: people of one platform send media that went the same ways.
            source, item = f"reviews of {found.platform}", found.sha256[:16]
            yield (
                found.detector,
                Row(item, Kind(found.kind), source, "", label, "as posted", found.score),
            )
