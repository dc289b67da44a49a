"""A whole evaluation: from a folder of labelled media to everything that can be said of who judged them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from analysis.errors import ConfigurationError
from analysis.evaluation import items as labelled
from analysis.evaluation import leaks, readers, words
from analysis.evaluation.delivery import AS_IS, WAYS, Change, Delivery, ladder, parse_change
from analysis.evaluation.items import Known
from analysis.evaluation.measuring import AUC, Meter
from analysis.evaluation.result import Evaluation, OfKind, Rung
from analysis.evaluation.rows import Cache, Row, Subject
from analysis.evaluation.scoring import Panel, plan, rows_of, score
from analysis.evaluation.table import Column, Table, table
from analysis.limits import Limits
from analysis.model import Kind
from detectors import figures
from detectors.record import WeightsRecord
from detectors.resampling import RESAMPLES

LEVELLED = Delivery(256, 2.0, (parse_change("jpeg:75"), parse_change("mp3:64")))
"""How the probes see media that are judged as they are, once their file history is levelled."""
_STEPS = 3  # of measuring one kind of media, besides its subjects

Progress = Callable[[str, int], Callable[[], None]]
"""Told a stage's name and how many steps it has; what it returns is called after each."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to evaluate on, and how; ``report`` is the folder that keeps the scores (None: none does)."""

    data: Path
    date: str
    version: str
    layout: str | None = None
    split: str | None = None
    delivery: Delivery = AS_IS
    robustness: bool = False
    limit: int | None = None
    seed: int = 0
    workers: int = 2
    resamples: int = RESAMPLES
    report: Path | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found, and the scores that it was found from: one table per kind of media."""

    evaluation: Evaluation
    tables: tuple[Table, ...]


def evaluate(
    wanted: Plan, panels: Sequence[Panel], limits: Limits, progress: Progress | None = None
) -> Outcome:
    """Carry out an evaluation. Unreadable media are counted and named, and end nothing.

    Args:
        wanted: what to evaluate on.
        panels: who judges. All see the same media.
        limits: of the decoder that prepares deliveries; the engine has its own.
        progress: hears of the stages.

    Raises:
        ConfigurationError: the data or the report's folder cannot be used, or not one medium could be judged.
    """
    told = progress or (lambda _stage, _total: lambda: None)
    collection = readers.read(wanted.data, wanted.layout, wanted.split)
    chosen = labelled.limited(collection.items, wanted.limit, wanted.seed)
    tick = told("reading", len(chosen))
    media, twice = labelled.identified(chosen, wanted.workers, tick)
    with Cache(wanted.report) as cache:
        run = _Run(wanted, panels, limits, cache, told)
        run.score("judging", media, lambda _: (wanted.delivery,), run.probed())
        by_kind, unread = run.sorted_out(media)
        if not by_kind:
            raise ConfigurationError(_nothing(wanted.data, unread))
        if wanted.robustness:
            kinds = {known.sha256: kind for kind, of in by_kind.items() for known in of}
            changed = [known for of in by_kind.values() for known in of]
            ways = {kind: [way for _, way in ladder(wanted.delivery, kind)] for kind in by_kind}
            run.score("judging changed media", changed, lambda known: ways[kinds[known.sha256]])
        measured = [run.of_kind(kind, of) for kind, of in by_kind.items()]
    passed_over = [*collection.passed_over, *twice]
    evaluation = Evaluation(
        data=wanted.data.resolve().name,
        layout=collection.layout,
        delivery=wanted.delivery.name,
        date=wanted.date,
        version=wanted.version,
        items=sum(map(len, by_kind.values())),
        sources=_sizes(known for of in by_kind.values() for known in of),
        kinds=tuple(of_kind for of_kind, _ in measured),
        not_counted=_counted(passed_over, unread),
        named=(*passed_over, *((known.item.name, str(row.reason)) for known, row in unread)),
        resamples=wanted.resamples,
        seed=wanted.seed,
    )
    return Outcome(evaluation, tuple(of_table for _, of_table in measured))


def _nothing(data: Path, unread: Sequence[tuple[Known, Row]]) -> str:
    known, row = unread[0]
    return f"--data {data}: not one medium could be judged; {known.item.name}: {row.reason}"


def _sizes(media: Iterable[Known]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for known in media:
        of_source = found.setdefault(known.item.source, {"real": 0, "fake": 0})
        of_source["fake" if known.item.label else "real"] += 1
    return dict(sorted(found.items()))


def _counted(passed_over: Iterable[tuple[str, str]], unread: Iterable[tuple[Known, Row]]) -> dict[str, int]:
    """Count what does not count, by reason; reasons that name another file are counted together."""
    reasons = [reason.partition(" as ")[0] for _, reason in passed_over]
    reasons += [str(row.fault) for _, row in unread]
    return dict(Counter(reasons).most_common())


def _trained_on(records: Iterable[WeightsRecord], of: Table) -> tuple[str, ...]:
    """The sources, by name, that detectors were trained on."""
    seen = {data.name for known in records for data in known.trained_on}
    return tuple(sorted(seen.intersection(of.sources.tolist())))


@dataclass(slots=True)
class _Run:
    wanted: Plan
    panels: Sequence[Panel]
    limits: Limits
    cache: Cache
    progress: Progress
    subjects: dict[Subject, str] = field(init=False)
    meter: Meter = field(init=False)

    def __post_init__(self) -> None:
        # Detectors before policies, each once, whichever engine they come from.
        together = {who: print_ for panel in self.panels for who, print_ in panel.subjects.items()}
        self.subjects = dict(sorted(together.items(), key=lambda pair: (pair[0].role, pair[0].name)))
        self.meter = Meter(self.wanted.resamples, self.wanted.seed)

    def probed(self) -> tuple[Delivery, ...]:
        return (AS_IS, LEVELLED if self.wanted.delivery == AS_IS else self.wanted.delivery)

    def score(
        self,
        stage: str,
        media: Sequence[Known],
        deliveries: Callable[[Known], Sequence[Delivery]],
        probed: Sequence[Delivery] = (),
    ) -> None:
        tasks = plan(media, deliveries, lambda _: probed, self.panels, self.cache)
        if tasks:
            tick = self.progress(stage, len(tasks))
            score(tasks, self.cache, self.limits, workers=self.wanted.workers, on_done=tick)

    def sorted_out(self, media: Sequence[Known]) -> tuple[dict[Kind, list[Known]], list[tuple[Known, Row]]]:
        """The media by kind, and those that nobody could judge, each with a row that says why."""
        rows = rows_of(media, self.wanted.delivery.name, self.subjects, self.cache)
        by_kind: dict[Kind, list[Known]] = {}
        unread: list[tuple[Known, Row]] = []
        for place, known in enumerate(media):
            mine = [of[place] for of in rows.values()]
            judged = [row for row in mine if row.fault is None and row.kind is not None]
            if judged:
                by_kind.setdefault(Kind(str(judged[0].kind)), []).append(known)
            else:
                unread.append((known, mine[0]))
        return {kind: by_kind[kind] for kind in Kind if kind in by_kind}, unread

    def of_kind(self, kind: Kind, media: Sequence[Known]) -> tuple[OfKind, Table]:
        tick = self.progress(f"measuring {words.PLURAL[kind]}", len(self.subjects) + _STEPS)
        found = self._table(kind, media, self.wanted.delivery)
        judged = []
        for column in found.columns:
            one = self.meter.judged(found, column)
            records = self._records(column.subject)
            judged.append(
                replace(
                    one,
                    trained_on=_trained_on(records, found),
                    weights={known.name: known.digest for known in records},
                )
            )
            tick()
        comparisons = self.meter.compared(found)
        tick()
        ways = [way.name for way in self.probed()]
        probes = [probe for way in ways for probe in leaks.probes(media, way, self.cache, judged, self.meter)]
        tick()
        rungs = self._rungs(kind, media, found) if self.wanted.robustness else []
        tick()
        reals = int((found.labels == 0).sum())
        said = words.sentences(kind, judged, comparisons, probes, rungs)
        return (
            OfKind(
                kind=kind.value,
                delivery=found.delivery,
                real=reals,
                fake=len(media) - reals,
                judged=tuple(judged),
                comparisons=comparisons,
                probes=tuple(probes),
                robustness=tuple(rungs),
                words=said,
            ),
            found,
        )

    def _records(self, subject: Subject) -> list[WeightsRecord]:
        """What is known of the weights behind a subject."""
        return [
            known for panel in self.panels if subject in panel.subjects for known in panel.records(subject)
        ]

    def _table(self, kind: Kind, media: Sequence[Known], delivery: Delivery) -> Table:
        return table(kind, delivery.name, media, rows_of(media, delivery.name, self.subjects, self.cache))

    def _rungs(self, kind: Kind, media: Sequence[Known], base: Table) -> list[Rung]:
        found = [self._rung(None, base, column) for column in base.columns]
        for change, way in ladder(self.wanted.delivery, kind):
            of_rung = self._table(kind, media, way)
            found += [self._rung(change, of_rung, column) for column in of_rung.columns]
        return found

    def _rung(self, change: Change | None, of: Table, column: Column) -> Rung:
        taken = of.taken(column)
        classes = [taken.scores[taken.labels == label] for label in (0, 1)]
        means = [float(scores.mean()) if scores.size else None for scores in classes]
        return Rung(
            subject=str(column.subject),
            way=change.way if change else "",
            what=WAYS[change.way].what if change else "",
            level=change.level if change else None,
            auc=self.meter.figure(AUC, figures.auc, *taken),
            mean_real=means[0],
            mean_fake=means[1],
            real=classes[0].size,
            fake=classes[1].size,
        )
