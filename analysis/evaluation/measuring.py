"""Figures of scores: of one subject, of its sources and generators, and of two subjects on the same media."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from analysis.evaluation.result import Comparison, Figure, Group, Judged
from analysis.evaluation.rows import Role
from analysis.evaluation.table import CUT, Column, Table, Taken, abstentions, bands, faults
from analysis.model import Band
from detectors import figures, resampling
from detectors.errors import NotMeasurable
from detectors.metrics import Floats, Labels, checked, clopper_pearson
from detectors.resampling import CONFIDENCE
from detectors.resampling import Figure as Measure

FEWEST = 20
"""With fewer media of a class than this nothing is claimed of it."""
_DIGITS = 4
AUC, MEAN, ALARMS = "AUC", "mean AUC of sources", "false alarms"
_RECALLS = {f"recall at {limit:.0%} false alarms".replace("%", " %"): limit for limit in (0.01, 0.05)}
_RANKING: dict[str, Measure] = {
    AUC: figures.auc,
    "average precision": figures.average_precision,
    **{name: figures.recall_at(limit) for name, limit in _RECALLS.items()},
}
_PROBABLE: dict[str, Measure] = {
    f"balanced accuracy at {CUT}": figures.balanced_accuracy(CUT),
    "ECE": figures.ece,
    "Brier score": figures.brier,
}
_COMPARED = (AUC, "average precision", f"balanced accuracy at {CUT}")


class Meter:
    """Measures with one seed and number of resamples."""

    def __init__(self, resamples: int = resampling.RESAMPLES, seed: int = 0) -> None:
        self.resamples, self.seed = resamples, seed

    def figure(
        self, name: str, measure: Measure, labels: Labels, scores: Floats, groups: Sequence[str] | None
    ) -> Figure:
        """One figure with its interval, or why there is none."""
        return self.figures({name: measure}, labels, scores, groups)[0]

    def figures(
        self, measures: dict[str, Measure], labels: Labels, scores: Floats, groups: Sequence[str] | None
    ) -> list[Figure]:
        """Several figures over the same resamples."""
        values, draws, fault = self._sample(measures, labels, scores, groups)
        found = []
        for place, name in enumerate(measures):
            note = fault or _too_few_reals(name, labels) or too_few(labels)
            if values is None:
                found.append(Figure(name, None, note=note))
            elif draws is None:
                found.append(Figure(name, _round(values[place]), note=note))
            else:
                found.append(_interval(name, draws[place], values[place], note))
        return found

    def _sample(
        self,
        measures: dict[str, Measure],
        labels: Labels,
        scores: Floats,
        groups: Sequence[str] | None,
        stream: int = 0,
    ) -> tuple[list[float] | None, list[Floats] | None, str | None]:
        """The figures themselves and their resamples, as far as there are any, and what is missing.

        Figures of one ``stream`` see the same resamples; those of different media must not.
        """
        try:
            y, s = checked(labels, scores, unit=False)
        except NotMeasurable as error:
            return None, None, str(error)
        once, seed = np.ones((1, y.size)), self.seed * 7919 + stream
        values = [float(measure(y, s, once)[0]) for measure in measures.values()]
        try:
            blocks = [
                [measure(y, s, drawn) for measure in measures.values()]
                for drawn in resampling.counts(y, groups, resamples=self.resamples, seed=seed)
            ]
        except NotMeasurable as error:
            return values, None, str(error)
        return values, [np.concatenate(parts) for parts in zip(*blocks, strict=True)], None

    def rate(self, name: str, taken: Taken, label: int) -> Figure:
        """The share of one class whose scores are 1, with its exact interval (Clopper and Pearson 1934).

        Media in groups say less than as many that are their own: their interval comes from the bootstrap, and
        where that sees no spread (none, or all) from the number of groups.
        """
        inside = taken.labels == label
        ones, media = int(taken.scores[inside].sum()), int(inside.sum())
        if not media:
            return Figure(name, None, note=f"no {'fake' if label else 'real'} media")
        share, note = ones / media, None if media >= FEWEST else f"only {media}: too few for a claim"
        if taken.groups is not None:
            found = self.figure(name, figures.flagged(CUT, label), *taken)
            if found.low is not None and found.high is not None and found.low < found.high:
                return replace(found, note=note)
            media = len({group for group, mine in zip(taken.groups, inside, strict=True) if mine})
            ones = round(share * media)
        low, high = (clopper_pearson(ones, media, 1 - (1 - CONFIDENCE) / 2)[end] for end in (0, 1))
        return Figure(name, _round(share), _round(low), _round(high), note)

    def judged(self, table: Table, column: Column) -> Judged:
        """Everything of one subject."""
        taken = table.taken(column)
        measures = dict(_RANKING) if column.ranks_only else {**_RANKING, **_PROBABLE}
        found = self.figures(measures, *taken)
        if not column.ranks_only:
            alarms = Taken(taken.labels, (taken.scores >= CUT).astype(np.float64), taken.groups)
            found += [self.rate(f"{ALARMS} at {CUT}", alarms, 0), self.rate(f"recall at {CUT}", alarms, 1)]
        if column.subject.role is Role.POLICY:
            found += self._at_bands(table, column)
        sources = self._sources(table, column)
        found.append(self._macro(table, column, [group.name for group in sources if _both(group)]))
        return Judged(
            subject=str(column.subject),
            role=column.subject.role.value,
            flag=column.flag,
            real=int((taken.labels == 0).sum()),
            fake=int((taken.labels == 1).sum()),
            figures=tuple(found),
            bands=bands(column, table.labels),
            abstained=abstentions(column, table.labels),
            faults=faults(column),
            sources=sources,
            generators=self._generators(table, column),
        )

    def _at_bands(self, table: Table, column: Column) -> list[Figure]:
        """How often each band takes either class, of all media that got a verdict."""
        use = np.array([row.band is not None for row in column.rows], dtype=bool)
        labels, groups = table.labels[use], table.groups_of(use)

        def within(*bands: Band) -> Taken:
            inside = np.array([row.band in bands for row in column.rows], dtype=np.float64)
            return Taken(labels, inside[use], groups)

        found = []
        for band in (Band.HIGH, Band.LOW, Band.UNCERTAIN):
            taken = within(band)
            found += [self.rate(f"reals in {band}", taken, 0), self.rate(f"fakes in {band}", taken, 1)]
        accuracy = figures.balanced_accuracy(CUT)
        not_low = within(Band.HIGH, Band.UNCERTAIN, Band.UNKNOWN)
        found.append(self.figure("balanced accuracy of high", accuracy, *within(Band.HIGH)))
        found.append(self.figure("balanced accuracy of not low", accuracy, *not_low))
        return found

    def _sources(self, table: Table, column: Column) -> tuple[Group, ...]:
        names = np.unique(table.sources)
        return tuple(self._group(table, column, str(name), table.sources == name) for name in names)

    def _generators(self, table: Table, column: Column) -> tuple[Group, ...]:
        """Each generator's fakes against the reals of its sources, or against all where those have none."""
        found = []
        for name in np.unique(table.generators[table.labels == 1]):
            fakes = (table.generators == name) & (table.labels == 1)
            near = np.isin(table.sources, table.sources[fakes]) & (table.labels == 0)
            alone = not near.any()
            chosen = fakes | ((table.labels == 0) if alone else near)
            found.append(self._group(table, column, str(name), chosen, pooled=alone))
        return tuple(found)

    def _group(
        self, table: Table, column: Column, name: str, inside: NDArray[np.bool_], *, pooled: bool = False
    ) -> Group:
        taken, alarms = table.taken(column, inside), column.alarms[inside & column.scored]
        return Group(
            name=name,
            real=int((taken.labels == 0).sum()),
            fake=int((taken.labels == 1).sum()),
            auc=self.figure(AUC, figures.auc, *taken),
            flagged_real=int(alarms[taken.labels == 0].sum()),
            flagged_fake=int(alarms[taken.labels == 1].sum()),
            pooled_reals=pooled,
        )

    def _macro(self, table: Table, column: Column, names: Sequence[str]) -> Figure:
        """The mean AUC of the sources that have both classes, each resampled within itself."""
        if len(names) < 2:
            return Figure(MEAN, None, note=f"{len(names) or 'no'} source has both classes")
        values: list[float] = []
        draws: list[Floats] = []
        for stream, name in enumerate(names, 1):
            taken = table.taken(column, table.sources == name)
            value, drawn, fault = self._sample({AUC: figures.auc}, *taken, stream=stream)
            if value is None or drawn is None:
                return Figure(MEAN, None, note=f"{name}: {fault}")
            values += value
            draws += drawn
        return _interval(MEAN, np.mean(draws, axis=0), float(np.mean(values)), None)

    def compared(self, table: Table) -> tuple[Comparison, ...]:
        """Every pair of subjects on the media that both scored, by a paired bootstrap."""
        found = []
        for first, second in combinations(table.columns, 2):
            use = first.scored & second.scored
            pair = (table.taken(first, use), table.taken(second, use))
            ranks_only = first.ranks_only or second.ranks_only
            names = [name for name in _COMPARED if name in _RANKING or not ranks_only]
            found += [self._difference(name, first, second, pair) for name in names]
        return tuple(found)

    def _difference(self, name: str, first: Column, second: Column, pair: tuple[Taken, Taken]) -> Comparison:
        measures = {name: _RANKING.get(name) or _PROBABLE[name]}
        one, drawn_one, fault = self._sample(measures, *pair[0])
        two, drawn_two, _ = self._sample(measures, *pair[1])
        labels = pair[0].labels
        if one is None or two is None or drawn_one is None or drawn_two is None:
            difference = Figure(name, None, note=fault)
        else:
            difference = _interval(name, drawn_one[0] - drawn_two[0], one[0] - two[0], too_few(labels))
        real, fake = int((labels == 0).sum()), int((labels == 1).sum())
        return Comparison(str(first.subject), str(second.subject), name, real, fake, difference)


def _both(group: Group) -> bool:
    return group.real > 0 and group.fake > 0


def _interval(name: str, draws: Floats, value: float, note: str | None) -> Figure:
    try:
        found = resampling.spread(draws, value)
    except NotMeasurable as error:
        return Figure(name, _round(value) if np.isfinite(value) else None, note=str(error))
    return Figure(name, _round(found.value), _round(found.low), _round(found.high), note)


def _round(value: float) -> float:
    return round(value, _DIGITS)


def too_few(labels: Labels) -> str | None:
    """Say that there are too few media for a claim, if so."""
    for label, word in ((0, "real"), (1, "fake")):
        count = int((labels == label).sum())
        if count < FEWEST:
            return f"only {count} {word} media: too few for a claim"
    return None


def _too_few_reals(name: str, labels: Labels) -> str | None:
    reals, limit = int((labels == 0).sum()), _RECALLS.get(name)
    if limit is None or reals * limit >= 1:
        return None
    return f"{reals} real media cannot show {limit:.0%}: only cuts without any false alarm count"
