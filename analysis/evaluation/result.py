"""What an evaluation found, in plain values: everything that the report shows and `--json` prints."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with its 95 % interval; ``value`` is None where it cannot be measured, ``note`` says why.

    A figure with a note and a value rests on too few media for a claim.
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """The media of one source or generator: how many were scored, the AUC, what was flagged of each class.

    ``pooled_reals``: its fakes were measured against the reals of all sources, for want of their own.
    """

    name: str
    real: int
    fake: int
    auc: Figure
    flagged_real: int
    flagged_fake: int
    pooled_reals: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """How one subject did on one kind of media in one delivery.

    ``real`` and ``fake`` were scored; of the others ``abstained`` counts by class and reason (not applicable,
    unknown, uncertain) and ``faults`` by reason. ``bands`` counts verdicts by class, for policies only.
    ``flag`` says in words what counts as an alarm. ``trained_on`` names sources, by their names alone, that
    its detectors were trained on: there its figures flatter it. ``weights`` tells which ones were
    measured, by detector (`detectors.record.WeightsRecord.digest`).
    """

    subject: str
    role: str
    flag: str
    real: int
    fake: int
    figures: tuple[Figure, ...]
    bands: dict[str, dict[str, int]]
    abstained: dict[str, dict[str, int]]
    faults: dict[str, int]
    sources: tuple[Group, ...]
    generators: tuple[Group, ...]
    trained_on: tuple[str, ...] = ()
    weights: dict[str, str] = field(default_factory=dict)

    def groups(self) -> tuple[tuple[str, tuple[Group, ...]], ...]:
        """Its media by source and, where that says something else, by generator; without what is but one."""
        same = {group.name for group in self.generators} == {group.name for group in self.sources}
        found = (("source", self.sources), ("generator", () if same else self.generators))
        return tuple((by, groups) for by, groups in found if len(groups) > 1)

    def figure(self, name: str) -> Figure:
        """The figure of that name.

        Raises:
            KeyError: it has none.
        """
        for figure in self.figures:
            if figure.name == name:
                return figure
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two subjects on the very same media: ``difference`` is the first's figure less the second's."""

    first: str
    second: str
    figure: str
    real: int
    fake: int
    difference: Figure


@dataclass(frozen=True, slots=True)
class Probe:
    """What one trivial feature reaches alone; ``auc`` is that of the better way round.

    ``near`` names the subjects that do hardly better, or no better, on the same media.
    """

    feature: str
    delivery: str
    auc: Figure
    real: int
    fake: int
    near: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rung:
    """One subject at one level of one change; ``level`` None is the delivery without it."""

    subject: str
    way: str
    what: str
    level: float | None
    auc: Figure
    mean_real: float | None
    mean_fake: float | None
    real: int
    fake: int


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence, about a subject or ("") about all; ``beware``: it warns of the others."""

    about: str
    text: str
    beware: bool = False


@dataclass(frozen=True, slots=True)
class OfKind:
    """Everything that was found on one kind of media; ``words`` say it in sentences."""

    kind: str
    delivery: str
    real: int
    fake: int
    judged: tuple[Judged, ...]
    comparisons: tuple[Comparison, ...]
    probes: tuple[Probe, ...]
    robustness: tuple[Rung, ...] = ()
    words: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One run. ``data`` names the folder; ``not_counted`` are media by reason, ``named`` which they are."""

    data: str
    layout: str
    delivery: str
    date: str
    version: str
    items: int
    sources: dict[str, dict[str, int]]
    kinds: tuple[OfKind, ...]
    not_counted: dict[str, int]
    named: tuple[tuple[str, str], ...]
    resamples: int
    seed: int

    def as_json(self) -> dict[str, Any]:
        """The whole as JSON-serialisable values."""
        return dataclasses.asdict(self)
