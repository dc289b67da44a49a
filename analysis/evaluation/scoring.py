"""Scoring: every medium in every delivery before every engine, several at a time, each result kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Protocol

from analysis.errors import AnalysisError, MediumRefused, Refusal
from analysis.evaluation.delivery import AS_IS, Delivery, NotDelivered
from analysis.evaluation.items import Known
from analysis.evaluation.preparing import Preparing
from analysis.evaluation.rows import Cache, ProbeRow, Role, Row, Subject
from analysis.limits import Limits
from analysis.members import FAILED
from analysis.model import Analysis, Kind
from detectors.record import WeightsRecord

_TRANSIENT = {Refusal.TIMED_OUT, Refusal.DECODER_DIED}
CRASHED, ENGINE_FAILED = "crashed", "engine_failed"


class Engine(Protocol):
    """As much of the engine as scoring needs; `analysis.engine.EmbeddedAnalyzer` is one."""

    @property
    def fingerprint(self) -> str:
        """See `analysis.model.Analyzer`."""

    def score_fingerprints(self) -> dict[str, str]:
        """By detector what changes whenever its scores could."""

    def records(self) -> dict[str, WeightsRecord]:
        """By detector what is known of its weights."""

    def submit(self, path: Path) -> Future[Analysis]:
        """See `analysis.model.Analyzer`."""


@dataclass(frozen=True, slots=True)
class Panel:
    """An engine, and whom of it we measure, each with the fingerprint of what decides the answers.

    ``inside`` is what the engine calls a detector; we may call it otherwise, such as by the file that a
    training left.
    """

    engine: Engine
    subjects: Mapping[Subject, str]
    inside: Mapping[Subject, str]

    @classmethod
    def of(cls, engine: Engine, detectors: Mapping[str, str], policy: str | None) -> Panel:
        """Measure some of an engine's detectors, by our name and its own, and its policy if it is named."""
        known = engine.score_fingerprints()
        inside = {Subject(Role.DETECTOR, ours): own for ours, own in detectors.items()}
        subjects = {subject: known[own] for subject, own in inside.items()}
        if policy:
            subjects[Subject(Role.POLICY, policy)] = engine.fingerprint
        return cls(engine, subjects, inside)

    def records(self, subject: Subject) -> list[WeightsRecord]:
        """What is known of the weights behind a subject: a detector's, or all that a policy hears."""
        known = self.engine.records()
        if subject.role is Role.POLICY:
            return list(known.values())
        return [known[self.inside[subject]]]


@dataclass(frozen=True, slots=True)
class Task:
    """One medium with all that is still to be done with it: probes and engines by delivery."""

    known: Known
    probed: tuple[Delivery, ...]
    judged: tuple[tuple[Delivery, tuple[Panel, ...]], ...]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a task; ``passing`` rows may be others next time."""

    rows: list[Row | ProbeRow] = field(default_factory=list)
    passing: list[Row] = field(default_factory=list)


def plan(
    items: Iterable[Known],
    deliveries: Callable[[Known], Sequence[Delivery]],
    probed: Callable[[Known], Sequence[Delivery]],
    panels: Sequence[Panel],
    cache: Cache,
) -> list[Task]:
    """List what the cache does not have yet."""
    tasks = []
    for known in items:
        judged = []
        for delivery in deliveries(known):
            missing = tuple(
                panel
                for panel in panels
                if any(
                    (known.sha256, delivery.name, *pair) not in cache.rows for pair in panel.subjects.items()
                )
            )
            if missing:
                judged.append((delivery, missing))
        unknown = tuple(way for way in probed(known) if (known.sha256, way.name) not in cache.probes)
        if judged or unknown:
            tasks.append(Task(known, unknown, tuple(judged)))
    return tasks


def score(
    tasks: Sequence[Task],
    cache: Cache,
    limits: Limits,
    *,
    workers: int = 2,
    on_done: Callable[[], None] | None = None,
) -> None:
    """Work the tasks off; each one's rows are on disk before the next is counted.

    Raises:
        Exception: what a worker did not expect; what was done until then is kept.
    """
    waiting: SimpleQueue[Task | None] = SimpleQueue()
    done: SimpleQueue[Done | BaseException | None] = SimpleQueue()
    for task in tasks:
        waiting.put(task)
    stop = threading.Event()
    threads = [
        threading.Thread(target=_work, args=(waiting, done, limits, stop), name=f"evaluate-{n}", daemon=True)
        for n in range(max(1, min(workers, len(tasks))))
    ]
    for thread in threads:
        waiting.put(None)
        thread.start()
    try:
        for _ in tasks:
            outcome = done.get()
            if isinstance(outcome, BaseException):
                raise outcome
            assert outcome is not None
            cache.add(outcome.rows)
            cache.add(outcome.passing, keep=False)
            if on_done is not None:
                on_done()
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _work(
    waiting: SimpleQueue[Task | None],
    done: SimpleQueue[Done | BaseException | None],
    limits: Limits,
    stop: threading.Event,
) -> None:
    with TemporaryDirectory(prefix="veritag-") as folder, Preparing(limits, Path(folder)) as preparing:
        while (task := waiting.get()) is not None and not stop.is_set():
            try:
                done.put(_do(task, preparing))
            except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
                done.put(error)
                return


def _do(task: Task, preparing: Preparing) -> Done:
    item, digest = task.known.item, task.known.sha256
    medium = preparing.medium(item.path)
    done = Done()
    done.rows.extend(ProbeRow(digest, way.name, medium.features(way)) for way in task.probed)
    for delivery, panels in task.judged:
        try:
            path = item.path if delivery == AS_IS else medium.delivered(delivery)
        except NotDelivered as error:
            done.rows.extend(_faults(panels, digest, delivery.name, error.code, str(error), medium.kind))
            continue
        except AnalysisError as error:
            _failed(done, panels, digest, delivery.name, error)
            continue
        for panel in panels:
            _judge(done, panel, path, digest, delivery.name)
    medium.forget()
    return done


def _judge(done: Done, panel: Panel, path: Path, digest: str, delivery: str) -> None:
    try:
        analysis = panel.engine.submit(path).result()
    except AnalysisError as error:
        _failed(done, (panel,), digest, delivery, error)
        return
    scores = {score.detector: score for score in analysis.scores}
    kind, verdict = analysis.probe.kind.value, analysis.verdict
    for subject, print_ in panel.subjects.items():
        if subject.role is Role.POLICY:
            band = verdict.band.value
            done.rows.append(Row(digest, delivery, subject, print_, kind, verdict.probability, band))
            continue
        said = scores[panel.inside[subject]]
        row = Row(digest, delivery, subject, print_, kind, said.score, None, said.reason)
        if said.reason is not None and said.reason.startswith(FAILED):
            done.passing.append(replace(row, fault=CRASHED))
        else:
            done.rows.append(row)


def _failed(done: Done, panels: Iterable[Panel], digest: str, delivery: str, error: AnalysisError) -> None:
    if isinstance(error, MediumRefused):
        rows = _faults(panels, digest, delivery, error.reason.value, str(error), None)
        (done.passing if error.reason in _TRANSIENT else done.rows).extend(rows)
    else:
        done.passing.extend(_faults(panels, digest, delivery, ENGINE_FAILED, str(error), None))


def _faults(
    panels: Iterable[Panel], digest: str, delivery: str, fault: str, why: str, kind: Kind | None
) -> list[Row]:
    return [
        Row(digest, delivery, subject, print_, kind.value if kind else None, reason=why, fault=fault)
        for panel in panels
        for subject, print_ in panel.subjects.items()
    ]


def rows_of(
    items: Iterable[Known], delivery: str, subjects: Mapping[Subject, str], cache: Cache
) -> dict[Subject, list[Row]]:
    """The rows of some media in one delivery, by subject, in the order of the media."""
    listed = list(items)
    return {
        subject: [cache.rows[known.sha256, delivery, subject, print_] for known in listed]
        for subject, print_ in subjects.items()
    }
