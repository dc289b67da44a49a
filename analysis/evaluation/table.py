"""The scores of one kind of media in one delivery, as arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.evaluation.items import Known
from analysis.evaluation.rows import Role, Row, Subject
from analysis.model import Band
from detectors.metrics import Floats, Labels

# Where a policy states no probability (`vote`), its bands alone rank the media.
_RANKS = {Band.TRUSTED: 0.0, Band.LOW: 1 / 3, Band.UNCERTAIN: 2 / 3, Band.HIGH: 1.0}
CUT = 0.5
"""From this score on a detector alone counts as having raised an alarm."""


@dataclass(frozen=True, slots=True)
class Column:
    """What one subject said: ``scores`` ``(n,)`` (NaN: none) and ``alarms`` ``(n,)``.

    ``ranks_only``: the scores are ranks of bands, no probabilities.
    """

    subject: Subject
    rows: tuple[Row, ...]
    scores: Floats
    alarms: NDArray[np.bool_]
    ranks_only: bool

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Which media have a score."""
        return np.isfinite(self.scores)

    @property
    def flag(self) -> str:
        """What counts as an alarm, in words."""
        return "band high" if self.subject.role is Role.POLICY else f"score of {CUT} or more"


class Taken(NamedTuple):
    """Labels, scores and groups of the media that a figure is measured on."""

    labels: Labels
    scores: Floats
    groups: list[str] | None


@dataclass(frozen=True, slots=True)
class Table:
    """Media of one kind with what every subject said of them, all arrays ``(n,)`` in the media's order."""

    kind: str
    delivery: str
    media: tuple[Known, ...]
    columns: tuple[Column, ...]

    @property
    def labels(self) -> Labels:
        """0 real, 1 fake."""
        return np.array([known.item.label for known in self.media], dtype=np.int64)

    def groups_of(self, use: NDArray[np.bool_]) -> list[str] | None:
        """By chosen medium the group that it is drawn with; None where all media are their own."""
        if not any(known.item.group for known in self.media):
            return None
        chosen = [known for known, wanted in zip(self.media, use, strict=True) if wanted]
        return [f"{of.item.source}\n{of.item.group}" if of.item.group else of.sha256 for of in chosen]

    def taken(self, column: Column, inside: NDArray[np.bool_] | None = None) -> Taken:
        """What a column scored, of the media ``inside``."""
        use = column.scored if inside is None else inside & column.scored
        return Taken(self.labels[use], column.scores[use], self.groups_of(use))

    @property
    def sources(self) -> NDArray[np.str_]:
        """By medium its source."""
        return np.array([known.item.source for known in self.media], dtype=np.str_)

    @property
    def generators(self) -> NDArray[np.str_]:
        """By medium its generator; "" for reals."""
        return np.array([known.item.generator for known in self.media], dtype=np.str_)


def table(kind: str, delivery: str, media: Sequence[Known], rows: Mapping[Subject, Sequence[Row]]) -> Table:
    """Put the rows side by side; both in the order of the media."""
    return Table(kind, delivery, tuple(media), tuple(_column(who, of) for who, of in rows.items()))


def _column(subject: Subject, rows: Sequence[Row]) -> Column:
    ranks_only = subject.role is Role.POLICY and all(row.score is None for row in rows)
    scores = [_rank(row) if ranks_only else row.score for row in rows]
    values = np.array([np.nan if score is None else score for score in scores], dtype=np.float64)
    if subject.role is Role.POLICY:
        alarms = np.array([row.band == Band.HIGH for row in rows], dtype=bool)
    else:
        alarms = np.nan_to_num(values) >= CUT
    return Column(subject, tuple(rows), values, alarms, ranks_only)


def _rank(row: Row) -> float | None:
    return _RANKS.get(Band(row.band)) if row.band else None


def abstentions(column: Column, labels: Labels) -> dict[str, dict[str, int]]:
    """Count by class, and by reason within it, what the subject did not decide."""
    found: dict[str, Counter[str]] = {"real": Counter(), "fake": Counter()}
    for row, label in zip(column.rows, labels, strict=True):
        if row.fault is not None:
            continue
        why = None
        if row.band in (Band.UNCERTAIN, Band.UNKNOWN):
            why = row.band
        elif row.score is None and row.band is None:
            why = f"not applicable: {row.reason}"
        if why is not None:
            found["fake" if label else "real"][str(why)] += 1
    return {name: dict(counter.most_common()) for name, counter in found.items()}


def faults(column: Column) -> dict[str, int]:
    """Count the media that could not be judged, by the reason's code."""
    return dict(Counter(row.fault for row in column.rows if row.fault is not None).most_common())


def bands(column: Column, labels: Labels) -> dict[str, dict[str, int]]:
    """Count a policy's verdicts by band and class; empty for a detector."""
    if column.subject.role is not Role.POLICY:
        return {}
    found = {band.value: {"real": 0, "fake": 0} for band in Band}
    for row, label in zip(column.rows, labels, strict=True):
        if row.band is not None:
            found[row.band]["fake" if label else "real"] += 1
    return found
