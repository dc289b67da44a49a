"""How true the word of the whole ensemble is, on media of sources that nothing of it was ever fitted on.

Each source is left out in turn. Calibrators (their kinds, too), weights and cuts are fitted on all others,
and the very policy that ships judges the source's media by them. Detectors' scores are out of fold already.
The check of copies, which can only withdraw a `high` or `low`, is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.calibration.error import calibration_error
from analysis.calibration.methods import Choice
from analysis.calibration.run import Fit, as_own, fit_rows
from analysis.calibration.scores import Row, ScoreTable, require_both_classes
from analysis.ensemble.calibrated import CalibratedPolicy, Limits
from analysis.ensemble.panels import CalibrationError, EnsembleCalibration
from analysis.model import Band, Kind, Score
from detectors.errors import NotMeasurable
from detectors.metrics import Floats, brier, clopper_pearson, ece
from detectors.record import WeightsRecord, load

RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Judged:
    """What the ensemble said of one medium in one delivery; ``probability`` is None where it said none.

    ``detectors`` are those that scored the medium in any delivery.
    """

    item: str
    kind: Kind
    source: str
    label: int
    delivery: str
    probability: float | None
    band: Band
    detectors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Word:
    """How true the probabilities of some media are to their word.

    ``error`` is the calibration error over ten equally wide bins, ``low`` and ``high`` the ends of its 95 %
    interval (whole sources drawn anew; as a draw adds noise of its own, the interval lies rather too high),
    ``beside`` the other bins and chance. ``said`` of ``media`` got a probability in any delivery. ``alarms``
    of ``real`` media were called `high` in any delivery, ``bound`` is the upper 95 % bound of their rate.
    ``weakest`` is the least probability that was called `high`; None: none was.
    """

    error: float
    low: float
    high: float
    beside: CalibrationError
    brier: float
    sources: int
    media: int
    said: int
    real: int
    alarms: int
    bound: float
    weakest: float | None


def judge_left_out(scores: Mapping[str, Sequence[Row]], choice: Choice, limits: Limits) -> list[Judged]:
    """Judge every medium by an ensemble that was fitted without its source.

    Raises:
        NotMeasurable: without one of the sources nothing can be fitted.
    """
    found: list[Judged] = []
    for source in sorted({row.source for rows in scores.values() for row in rows}):
        rest = {name: [row for row in rows if row.source != source] for name, rows in scores.items()}
        policy = policy_of(fit_rows(rest, choice, date="2000-01-01"), scores, limits)
        mine = {name: [row for row in rows if row.source == source] for name, rows in scores.items()}
        found += _judge(policy, mine)
    return found


def policy_of(found: Fit, detectors: Iterable[str], limits: Limits) -> CalibratedPolicy:
    """The policy that ships, by the calibrators and panels of a fit and nothing else."""
    bare: dict[str, WeightsRecord] = {
        name: load(name).model_copy(update={"calibration": {}, "in_the_wild": {}}) for name in detectors
    }
    own = as_own(found)
    return CalibratedPolicy(own.over(EnsembleCalibration()), records=own.records(bare), limits=limits)


def _judge(policy: CalibratedPolicy, scores: Mapping[str, Sequence[Row]]) -> list[Judged]:
    together: dict[tuple[str, Kind, str], list[tuple[str, Row]]] = {}
    for name, rows in scores.items():
        for row in rows:
            together.setdefault((row.item, row.kind, row.delivery), []).append((name, row))
    heard: dict[str, set[str]] = {}
    for (item, _, _), said in together.items():
        heard.setdefault(item, set()).update(name for name, _ in said)
    found = []
    for (item, kind, delivery), said in together.items():
        row = said[0][1]
        verdict = policy.judge(kind, [Score(name, of.score, True) for name, of in said])
        told, team = (verdict.probability, verdict.band), tuple(sorted(heard[item]))
        found.append(Judged(item, kind, row.source, row.label, delivery, *told, team))
    return found


def parts(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    """Split what was said by kind, and a kind by the detectors that scored a medium if these differ."""
    found: dict[str, list[Judged]] = {}
    for kind in sorted({row.kind for row in judged}):
        own = found[f"{kind} media"] = [row for row in judged if row.kind is kind]
        teams = sorted({row.detectors for row in own})
        if len(teams) > 1:
            for team in teams:
                name = f"{kind} media scored by {' and '.join(team)}"
                found[name] = [row for row in own if row.detectors == team]
    return found


def word(judged: Sequence[Judged], seed: int = 0) -> Word:
    """Measure what was said of some media; classes weigh alike within each kind, and kinds weigh alike.

    Raises:
        NotMeasurable: no probability was said, or of one class alone.
    """
    told = sorted((row for row in judged if row.probability is not None), key=lambda row: row.kind)
    if not told:
        raise NotMeasurable("no probability was said of any medium")
    table = _table(told)
    kinds = [[row for row in told if row.kind is kind] for kind in sorted({row.kind for row in told})]
    weights = np.concatenate([_table(of).weights() for of in kinds]) / len(kinds)
    p = table.scores[:, 0]
    low, high = _interval(table, weights, np.random.default_rng(seed))
    reals = {row.item for row in judged if not row.label}
    alarms = {row.item for row in judged if not row.label and row.band is Band.HIGH}
    return Word(
        error=ece(table.label, p, weights),
        low=low,
        high=high,
        beside=calibration_error(table.label, p, table.item, weights),
        brier=brier(table.label, p, weights),
        sources=len({row.source for row in told}),
        media=len({row.item for row in judged}),
        said=len({row.item for row in told}),
        real=len(reals),
        alarms=len(alarms),
        bound=clopper_pearson(len(alarms), len(reals))[1] if reals else 1.0,
        weakest=min((row.probability or 0.0 for row in told if row.band is Band.HIGH), default=None),
    )


def _table(told: Sequence[Judged]) -> ScoreTable:
    return ScoreTable(
        ("ensemble",),
        np.array([row.item for row in told], dtype=np.str_),
        np.array([row.source for row in told], dtype=np.str_),
        np.array([row.label for row in told], dtype=np.int64),
        np.array([row.delivery for row in told], dtype=np.str_),
        np.array([[row.probability] for row in told], dtype=np.float64),
    )


def _interval(table: ScoreTable, weights: Floats, rng: np.random.Generator) -> tuple[float, float]:
    """Draw whole sources anew; classes stay balanced, and a draw without one of them is drawn again."""
    names, source = np.unique(table.source, return_inverse=True)
    require_both_classes(table)
    found: list[float] = []
    while len(found) < RESAMPLES:
        times = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))[source]
        drawn = weights * times
        mass = np.bincount(table.label, weights=drawn, minlength=2)
        if mass.min() > 0:
            found.append(ece(table.label, table.scores[:, 0], drawn / mass[table.label]))
    low, high = np.percentile(found, (2.5, 97.5))
    return float(low), float(high)
