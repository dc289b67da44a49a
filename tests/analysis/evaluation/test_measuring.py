"""Figures of tables: intervals, sources, generators, bands, comparisons, and too few media for a claim."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis.evaluation.measuring import FEWEST, Meter
from analysis.evaluation.table import Table, Taken
from detectors import metrics
from tests.analysis.evaluation.made import known, of_bands, of_scores

METER = Meter(resamples=200)


def two_sources(count: int = 60) -> Table:
    random = np.random.default_rng(2)
    media, scores = [], []
    for n in range(count * 4):
        label, source = n % 2, "ab"[n // 2 % 2]
        media.append(known(n, label, source))
        shift = 2.0 if source == "a" else 0.0
        scores.append(float(1 / (1 + np.exp(-(shift * label + random.normal())))))
    return of_scores(media, good=scores, bad=[1 - score for score in scores])


def test_figures_are_the_metrics_with_intervals() -> None:
    table = two_sources()
    one = METER.judged(table, table.columns[0])
    labels, scores = table.labels, table.columns[0].scores
    for name, value in {
        "AUC": metrics.auc(labels, scores),
        "average precision": metrics.average_precision(labels, scores),
        "recall at 5 % false alarms": metrics.tpr_at_fpr(labels, scores, 0.05),
        "balanced accuracy at 0.5": metrics.balanced_accuracy(labels, scores),
        "ECE": metrics.ece(labels, scores),  # as many reals as fakes
        "Brier score": metrics.brier(labels, scores),
        "false alarms at 0.5": float((scores[labels == 0] >= 0.5).mean()),
    }.items():
        figure = one.figure(name)
        assert figure.value == pytest.approx(value, abs=1e-4), name
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low < value < figure.high
        assert figure.note is None
    assert (one.real, one.fake, one.flag) == (120, 120, "score of 0.5 or more")
    with pytest.raises(KeyError):
        one.figure("no such figure")


def test_sources_and_their_mean() -> None:
    table = two_sources()
    one = METER.judged(table, table.columns[0])
    a, b = one.sources
    assert (a.name, a.real, a.fake, b.name) == ("a", 60, 60, "b")
    assert a.auc.value is not None
    assert b.auc.value is not None
    assert a.auc.value > 0.85 > 0.6 > b.auc.value
    mean = one.figure("mean AUC of sources")
    assert mean.value == pytest.approx((a.auc.value + b.auc.value) / 2, abs=1e-4)
    assert mean.low is not None
    assert mean.high is not None
    widths = [of.auc.high - of.auc.low for of in (a, b) if of.auc.high and of.auc.low]
    assert mean.high - mean.low < max(widths)  # two independent sources average their chance away
    chosen = (table.sources == "a") & (table.labels == 0)
    assert a.flagged_real == int((table.columns[0].scores[chosen] >= 0.5).sum())


def test_generators_are_measured_against_the_reals_of_their_sources() -> None:
    media = [known(n, 0, "a") for n in range(5)] + [known(n, 1, "a", "x") for n in range(5, 8)]
    media += [known(n, 1, "b", "y") for n in range(8, 10)] + [known(n, 0, "c") for n in range(10, 20)]
    table = of_scores(media, d=[n / 20 for n in range(20)])
    x, y = METER.judged(table, table.columns[0]).generators
    assert (x.name, x.real, x.fake, x.pooled_reals) == ("x", 5, 3, False)
    assert (y.name, y.real, y.fake, y.pooled_reals) == ("y", 15, 2, True)
    assert x.auc.value == 1.0
    assert y.auc.value == pytest.approx(1 / 3, abs=1e-4)


def test_what_a_detector_did_not_judge_is_counted_and_left_out() -> None:
    media = [known(n, n % 2) for n in range(8)]
    table = of_scores(media, d=[0.1, 0.9, 0.2, None, None, 0.8, 0.3, 0.7])
    column = table.columns[0]
    broken = replace(column.rows[4], fault="crashed", reason="failed: x")
    column = replace(column, rows=(*column.rows[:4], broken, *column.rows[5:]))
    one = METER.judged(table, column)
    assert (one.real, one.fake) == (3, 3)
    assert one.abstained == {"real": {}, "fake": {"not applicable: no face": 1}}
    assert one.faults == {"crashed": 1}


def test_too_few_media_are_no_ground_for_a_claim() -> None:
    table = of_scores([known(n, n % 2) for n in range(10)], d=[n / 10 for n in range(10)])
    one = METER.judged(table, table.columns[0])
    assert one.figure("AUC").note == "only 5 real media: too few for a claim"
    assert "cannot show 1%" in str(one.figure("recall at 1 % false alarms").note)
    alone = of_scores([known(1, 1), known(2, 1)], d=[0.1, 0.9])
    one = METER.judged(alone, alone.columns[0])
    assert one.figure("AUC").value is None
    assert one.figure("AUC").note == "only fake media: a figure needs both classes"
    assert one.figure("recall at 0.5").value == 0.5
    assert one.figure("false alarms at 0.5").note == "no real media"
    lone = of_scores([known(1, 0), known(2, 1)], d=[0.1, 0.9])
    auc = METER.judged(lone, lone.columns[0]).figure("AUC")
    assert (auc.value, auc.low) == (1.0, None)


def test_rates_have_exact_intervals_even_where_nothing_was_flagged() -> None:
    labels = np.array([0] * 30 + [1] * 30)
    none = METER.rate("alarms", Taken(labels, np.zeros(60), None), 0)
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 30), abs=1e-4)
    grouped = METER.rate("alarms", Taken(labels, np.zeros(60), [str(n // 10) for n in range(60)]), 0)
    assert grouped.high == pytest.approx(
        1 - 0.025 ** (1 / 3), abs=1e-4
    )  # three groups of reals, not thirty media
    some = METER.rate("alarms", Taken(labels, (np.arange(60) % 3 == 0) * 1.0, None), 0)
    assert some.value == pytest.approx(1 / 3, abs=1e-4)


def test_groups_widen_intervals() -> None:
    random = np.random.default_rng(0)
    offsets = random.normal(0, 2, 40)
    single, grouped, scores = [], [], []
    for n in range(400):
        label = n // 10 % 2
        single.append(known(n, label))
        grouped.append(known(n, label, group=str(n // 10)))
        scores.append(float(1 / (1 + np.exp(-(label + offsets[n // 10] + random.normal() * 0.1)))))
    widths = []
    for media in (single, grouped):
        table = of_scores(media, d=scores)
        auc = METER.judged(table, table.columns[0]).figure("AUC")
        assert auc.low is not None
        assert auc.high is not None
        widths.append(auc.high - auc.low)
    assert widths[1] > 2 * widths[0]


def test_bands_of_a_policy() -> None:
    media = [known(n, int(n >= 40)) for n in range(80)]
    bands = (
        ["high"] * 2
        + ["uncertain"] * 8
        + ["low"] * 30
        + ["high"] * 25
        + ["uncertain"] * 11
        + ["low"] * 3
        + ["unknown"]
    )
    table = of_bands(media, bands)
    one = METER.judged(table, table.columns[0])
    assert one.subject == "policy judge"
    assert one.bands["high"] == {"real": 2, "fake": 25}
    assert one.bands["unknown"] == {"real": 0, "fake": 1}
    assert one.figure("reals in high").value == 0.05
    assert one.figure("fakes in low").value == pytest.approx(3 / 40)
    assert one.figure("balanced accuracy of high").value == pytest.approx((25 / 40 + 38 / 40) / 2, abs=1e-4)
    assert one.figure("balanced accuracy of not low").value == pytest.approx(
        (37 / 40 + 30 / 40) / 2, abs=1e-4
    )
    assert one.abstained == {"real": {"uncertain": 8}, "fake": {"uncertain": 11, "unknown": 1}}
    assert {figure.name for figure in one.figures}.isdisjoint(
        {"ECE", "Brier score"}
    )  # it states no probability
    assert one.figure("AUC").value is not None
    stated = of_bands(media, bands, [0.2 + 0.6 * known.item.label for known in media])
    assert METER.judged(stated, stated.columns[0]).figure("Brier score").value == pytest.approx(0.04)


def test_two_subjects_are_compared_on_the_same_media() -> None:
    table = two_sources(30)
    pairs = {pair.figure: pair for pair in METER.compared(table)}
    auc = pairs["AUC"]
    assert (auc.first, auc.second, auc.real, auc.fake) == ("good", "bad", 60, 60)
    assert auc.difference.value is not None
    assert auc.difference.low is not None
    single = METER.judged(table, table.columns[0]).figure("AUC")
    assert single.value is not None
    assert auc.difference.value == pytest.approx(2 * single.value - 1, abs=2e-4)
    assert auc.difference.low > 0


def test_pairing_takes_out_what_both_share() -> None:
    random = np.random.default_rng(4)
    media = [known(n, n % 2) for n in range(200)]
    base = [float(np.clip(0.4 + 0.1 * (n % 2) + random.normal() * 0.2, 0, 1)) for n in range(200)]
    nearly = [min(1.0, score + 0.001 * (n % 2)) for n, score in enumerate(base)]
    table = of_scores(media, first=nearly, second=base)
    difference = METER.compared(table)[0].difference
    own = METER.judged(table, table.columns[0]).figure("AUC")
    assert difference.low is not None
    assert difference.high is not None
    assert own.low is not None
    assert own.high is not None
    assert difference.high - difference.low < (own.high - own.low) / 10


def test_the_same_seed_gives_the_same_figures() -> None:
    table = two_sources(FEWEST)
    assert Meter(50, 1).judged(table, table.columns[0]) == Meter(50, 1).judged(table, table.columns[0])
    assert Meter(50, 1).judged(table, table.columns[0]) != Meter(50, 2).judged(table, table.columns[0])
