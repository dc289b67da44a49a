"""Out-of-fold scores of one detector, as a CSV with one row per medium and delivery.

Columns: ``item`` (a stable id of the medium), ``modality``, ``source`` (the data set), ``generator`` (may be
empty), ``label`` (1 = fake), ``delivery`` (how it arrived: ``as_is``, ``jpeg75`` ...), ``score`` in [0, 1].
Each score must come from weights that never saw the item's source, or calibration measures memory.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.model import Kind
from detectors.errors import NotMeasurable
from detectors.metrics import Floats, Labels
from detectors.record import DataSet

COLUMNS = ("item", "modality", "source", "generator", "label", "delivery", "score")
SOURCE_CAP = 50
"""From this many media of one class on, a source weighs no more: a big one must not decide alone."""

Strings = NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Row:
    """One score of one medium in one delivery."""

    item: str
    kind: Kind
    source: str
    generator: str
    label: int
    delivery: str
    score: float


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Scores of one or several detectors on the same rows; ``scores`` is ``(rows, detectors)`` in [0, 1]."""

    detectors: tuple[str, ...]
    item: Strings
    source: Strings
    label: Labels
    delivery: Strings
    scores: Floats

    def __len__(self) -> int:
        return len(self.item)

    def rows(self, chosen: NDArray[np.bool_]) -> ScoreTable:
        """Return the chosen rows."""
        return ScoreTable(
            self.detectors,
            self.item[chosen],
            self.source[chosen],
            self.label[chosen],
            self.delivery[chosen],
            self.scores[chosen],
        )

    def data_sets(self) -> tuple[DataSet, ...]:
        """Name the sources with their numbers of distinct media."""
        found = []
        for source in np.unique(self.source):
            counts = [
                len(np.unique(self.item[(self.source == source) & (self.label == label)])) for label in (0, 1)
            ]
            found.append(DataSet(name=str(source), real=counts[0], fake=counts[1]))
        return tuple(found)

    def weights(self) -> Floats:
        """Return a weight per row: deliveries share their medium's, sources are balanced, classes sum to 1/2.

        Raises:
            NotMeasurable: one class is missing.
        """
        require_both_classes(self)
        _, index, deliveries = np.unique(self.item, return_inverse=True, return_counts=True)
        weight = 1.0 / deliveries[index]
        group = 2 * np.unique(self.source, return_inverse=True)[1] + self.label
        total = np.bincount(group, weights=weight)[group]
        weight *= np.minimum(total, SOURCE_CAP) / total
        for label in (0, 1):
            mine = self.label == label
            weight[mine] *= 0.5 / weight[mine].sum()
        return np.asarray(weight, dtype=np.float64)

    def effective_media(self, label: int) -> float:
        """Return how many equally weighted media the weighted ones of a class amount to (Kish 1965)."""
        mine = self.label == label
        _, index = np.unique(self.item[mine], return_inverse=True)
        per_item = np.bincount(index, weights=self.weights()[mine])
        return float(per_item.sum() ** 2 / (per_item**2).sum())


def require_both_classes(table: ScoreTable) -> None:
    """Raise NotMeasurable unless the table has real and fake media."""
    for label, word in ((0, "real"), (1, "fake")):
        if not (table.label == label).any():
            raise NotMeasurable(f"scores of {'+'.join(table.detectors)}: no {word} media left to fit on")


def read_scores(path: Path) -> tuple[Row, ...]:
    """Read and check one CSV.

    Raises:
        NotMeasurable: unreadable, columns missing, a malformed row (named by its line), one medium with two
            labels or sources, or the same medium and delivery twice.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise NotMeasurable(f"{path.name}: no column {', '.join(missing)}")
            rows = tuple(_row(path, reader.line_num, fields) for fields in reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise NotMeasurable(f"scores {path.name} cannot be read: {error}") from error
    _check_items(path, rows)
    return rows


def _row(path: Path, line: int, fields: dict[str, str | None]) -> Row:
    where = f"{path.name} line {line}"
    values = {column: (fields.get(column) or "").strip() for column in COLUMNS}
    if not (values["item"] and values["source"] and values["delivery"]):
        raise NotMeasurable(f"{where}: item, source and delivery must not be empty")
    if values["label"] not in ("0", "1"):
        raise NotMeasurable(f"{where}: label must be 0 (real) or 1 (fake), not {values['label']!r}")
    try:
        kind = Kind(values["modality"])
        score = float(values["score"])
    except ValueError as error:
        raise NotMeasurable(f"{where}: {error}") from error
    if not (isfinite(score) and 0 <= score <= 1):
        raise NotMeasurable(f"{where}: score must lie between 0 and 1, not {values['score']}")
    return Row(
        values["item"],
        kind,
        values["source"],
        values["generator"],
        int(values["label"]),
        values["delivery"],
        score,
    )


def _check_items(path: Path, rows: Sequence[Row]) -> None:
    seen: set[tuple[Kind, str, str]] = set()
    known: dict[str, tuple[str, int]] = {}
    for row in rows:
        key = (row.kind, row.item, row.delivery)
        if key in seen:
            raise NotMeasurable(f"{path.name}: item {row.item} appears twice as {row.delivery}")
        seen.add(key)
        if known.setdefault(row.item, (row.source, row.label)) != (row.source, row.label):
            raise NotMeasurable(f"{path.name}: item {row.item} has two sources or labels")


def table_of(detector: str, rows: Iterable[Row], kind: Kind) -> ScoreTable:
    """Return one detector's scores on one kind of media, in a stable order; may be empty."""
    mine = sorted((row for row in rows if row.kind is kind), key=lambda row: (row.item, row.delivery))
    return ScoreTable(
        (detector,),
        np.array([row.item for row in mine], dtype=np.str_),
        np.array([row.source for row in mine], dtype=np.str_),
        np.array([row.label for row in mine], dtype=np.int64),
        np.array([row.delivery for row in mine], dtype=np.str_),
        np.array([[row.score] for row in mine], dtype=np.float64).reshape(-1, 1),
    )


def joined(tables: Sequence[ScoreTable]) -> ScoreTable:
    """Return the rows (item and delivery) that all tables have, with all their scores side by side.

    Raises:
        NotMeasurable: a medium has another source or label in another table.
    """
    keys = [list(zip(table.item.tolist(), table.delivery.tolist(), strict=True)) for table in tables]
    common = sorted(set(keys[0]).intersection(*keys[1:]))
    places = [{key: i for i, key in enumerate(of_table)} for of_table in keys]
    picked = [
        table.rows(np.zeros(len(table), dtype=bool)) if not common else _ordered(table, place, common)
        for table, place in zip(tables, places, strict=True)
    ]
    first = picked[0]
    for other in picked[1:]:
        if (first.label != other.label).any() or (first.source != other.source).any():
            raise NotMeasurable(
                f"{first.detectors[0]} and {other.detectors[0]}: the same items have other sources or labels"
            )
    return ScoreTable(
        tuple(name for table in picked for name in table.detectors),
        first.item,
        first.source,
        first.label,
        first.delivery,
        np.concatenate([table.scores for table in picked], axis=1),
    )


def _ordered(
    table: ScoreTable, place: dict[tuple[str, str], int], keys: Sequence[tuple[str, str]]
) -> ScoreTable:
    order = np.array([place[key] for key in keys])
    return ScoreTable(
        table.detectors,
        table.item[order],
        table.source[order],
        table.label[order],
        table.delivery[order],
        table.scores[order],
    )
