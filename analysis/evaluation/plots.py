"""The report's plots, as SVG to be set into a page: same data, same bytes; no dates, no paths, no fonts."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from itertools import cycle
from textwrap import shorten

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.evaluation.measuring import AUC, MEAN
from analysis.evaluation.recorded import Protocol
from analysis.evaluation.result import Figure as Measured
from analysis.evaluation.result import OfKind, Rung
from analysis.evaluation.table import Column, Table
from detectors import figures, resampling
from detectors.errors import NotMeasurable
from detectors.metrics import Floats, reliability

REAL, FAKE = "#0072b2", "#d55e00"
_COLOURS = ("#000000", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")
"""Told apart by the colour-blind (Okabe and Ito)."""
_GRID = np.linspace(0, 1, 51)
_BAND_RESAMPLES = 200
_MOST_BARS = 40
_LONGEST = 58  # characters of a protocol's name beside a plot


def svg(figure: Figure, name: str) -> str:
    """Render for a page that holds several: no header, and ids of its own."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": f"veritag {name}", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'id="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', text)
    return re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _colour(place: int) -> str:
    return _COLOURS[place % len(_COLOURS)]


def roc(table: Table, name: str, seed: int = 0) -> str | None:
    """ROC curves with their 95 % bands; None where no subject can be drawn."""
    figure, axes = _axes(5.4, 4.6)
    drawn = False
    for place, column in enumerate(table.columns):
        taken = table.taken(column)
        try:
            low, high = _roc_band(taken.labels, taken.scores, taken.groups, seed)
        except NotMeasurable:
            continue
        drawn, colour = True, _colour(place)
        curve = figures.sweep(taken.labels, taken.scores, np.ones((1, taken.labels.size)))
        fpr, tpr = ([0.0, *values[0]] for values in (curve.fpr, curve.tpr))
        axes.fill_between(_GRID, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(fpr, tpr, color=colour, linewidth=1.6, label=str(column.subject))
    if not drawn:
        return None
    axes.plot([0, 1], [0, 1], color="0.6", linestyle=":", label="guessing")
    axes.set(xlabel="reals flagged", ylabel="fakes found", xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(loc="lower right", frameon=False)
    return svg(figure, name)


def _roc_band(
    labels: np.ndarray, scores: Floats, groups: Sequence[str] | None, seed: int
) -> tuple[Floats, Floats]:
    parts = []
    for drawn in resampling.counts(labels, groups, resamples=_BAND_RESAMPLES, seed=seed):
        curve = figures.sweep(labels, scores, drawn)
        pairs = zip(curve.fpr, curve.tpr, strict=True)
        parts.append(np.array([np.interp(_GRID, [0.0, *fpr], [0.0, *tpr]) for fpr, tpr in pairs]))
    low, high = np.quantile(np.concatenate(parts), (0.025, 0.975), axis=0)
    return low, high


def reliabilities(table: Table, name: str) -> str | None:
    """Reliability of every subject that states probabilities, classes balanced; None where none does."""
    figure, axes = _axes(5.4, 4.6)
    drawn = False
    for place, column in enumerate(table.columns):
        taken = table.taken(column)
        if column.ranks_only or len(set(taken.labels.tolist())) < 2:
            continue
        drawn = True
        share = np.where(taken.labels == 1, (taken.labels == 0).mean(), (taken.labels == 1).mean())
        curve = reliability(taken.labels, taken.scores, share)
        sizes = 12 + 150 * curve.share
        axes.plot(curve.predicted, curve.observed, color=_colour(place), label=str(column.subject))
        axes.scatter(curve.predicted, curve.observed, s=sizes, color=_colour(place), alpha=0.6, linewidth=0)
    if not drawn:
        return None
    axes.plot([0, 1], [0, 1], color="0.6", linestyle=":", label="perfect")
    axes.set(
        xlabel="probability or score said", ylabel="share of fakes", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02)
    )
    axes.legend(loc="upper left", frameon=False)
    return svg(figure, name)


def histogram(table: Table, column: Column, name: str) -> str | None:
    """One subject's scores by class; None without any."""
    taken = table.taken(column)
    if not taken.scores.size:
        return None
    figure, axes = _axes(5.4, 2.6)
    bins = np.linspace(0, 1, 31).tolist()
    for label, colour, word in ((0, REAL, "real"), (1, FAKE, "fake")):
        mine = taken.scores[taken.labels == label]
        weights = np.full(mine.size, 100 / max(mine.size, 1))
        axes.hist(mine, bins=bins, weights=weights, color=colour, alpha=0.5, label=f"{word} ({mine.size})")
    axes.set(xlabel=f"score of {column.subject}", ylabel="% of class", xlim=(0, 1))
    axes.legend(frameon=False)
    return svg(figure, name)


def forest(kind: OfKind, name: str) -> str | None:
    """The AUC of every source with its interval, pooled figures below; None with fewer than two sources."""
    groups = kind.judged[0].sources if kind.judged else ()
    names = [group.name for group in groups if group.real and group.fake][:_MOST_BARS]
    if len(names) < 2:
        return None
    rows = ["all pooled", "mean of sources", *reversed(names)]
    figure, axes = _axes(7.2, 1.2 + 0.28 * len(rows) * max(1, len(kind.judged) / 1.6))
    offsets = np.linspace(0.25, -0.25, len(kind.judged)) if len(kind.judged) > 1 else [0.0]
    for place, (one, offset) in enumerate(zip(kind.judged, offsets, strict=True)):
        found = {group.name: group.auc for group in one.sources}
        found |= {"mean of sources": one.figure(MEAN), "all pooled": one.figure(AUC)}
        for line, row in enumerate(rows):
            _whisker(axes, found[row], line + offset, _colour(place), "" if line else one.subject)
    axes.axvline(0.5, color="0.6", linestyle=":")
    axes.axhline(1.5, color="0.85", linewidth=1)
    axes.set_yticks(range(len(rows)), rows)
    axes.set(xlabel="AUC (hollow: too few media for a claim)", xlim=(0, 1))
    if len(kind.judged) > 1:
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return svg(figure, name)


def _whisker(axes: Axes, auc: Measured, height: float, colour: str, label: str) -> None:
    if auc.value is None:
        return
    low = auc.value if auc.low is None else auc.low
    high = auc.value if auc.high is None else auc.high
    axes.plot([low, high], [height, height], color=colour, linewidth=1.4)
    face = "white" if auc.note else colour
    axes.plot(
        [auc.value], [height], "o", color=colour, markerfacecolor=face, markersize=5, label=label or None
    )


def robustness(measured: Sequence[Rung], name: str) -> str | None:
    """AUC against the level of each change, one small plot per change; None where it was not measured."""
    ways = list(dict.fromkeys(rung.way for rung in measured if rung.level is not None))
    subjects = list(dict.fromkeys(rung.subject for rung in measured))
    if not ways:
        return None
    columns = min(3, len(ways))
    lines = -(-len(ways) // columns)
    figure = Figure(figsize=(3.1 * columns, 2.5 * lines), layout="constrained")
    for number, way in enumerate(ways, 1):
        axes = figure.add_subplot(lines, columns, number)
        axes.spines[["top", "right"]].set_visible(False)
        for place, subject in enumerate(subjects):
            mine = [rung for rung in measured if rung.subject == subject]
            _ladder(axes, [rung for rung in mine if rung.level is None or rung.way == way], _colour(place))
        axes.set(ylim=(0, 1), ylabel="AUC" if number % columns == 1 or columns == 1 else None)
    if len(subjects) > 1:
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    return svg(figure, name)


def _ladder(axes: Axes, rungs: Sequence[Rung], colour: str) -> None:
    """One subject's curve for one change; the first rung is the delivery without it."""
    ticks = ["none" if rung.level is None else f"{rung.level:g}" for rung in rungs]
    axes.set_xticks(range(len(ticks)), ticks)
    axes.set_title(rungs[-1].what, fontsize=9)
    axes.axhline(0.5, color="0.6", linestyle=":")
    values, low, high = (
        [np.nan if end is None else end for end in ends]
        for ends in zip(*((rung.auc.value, rung.auc.low, rung.auc.high) for rung in rungs), strict=True)
    )
    axes.fill_between(range(len(rungs)), low, high, color=colour, alpha=0.12, linewidth=0)
    axes.plot(range(len(rungs)), values, marker="o", markersize=3, color=colour, label=rungs[0].subject)


def recorded(found: Sequence[Protocol], name: str, fewest: int) -> str | None:
    """The AUCs of a weights record with their intervals, by protocol; None without any.

    Args:
        fewest: media of a class below which a figure is hollow, as nothing can be claimed by it.
    """
    found = [of for of in found if of.ranks]
    ways = list(dict.fromkeys(way for of in found for way in of.by_delivery))
    if not found:
        return None
    figure, axes = _axes(8.6, 1.1 + 0.3 * len(found))
    offsets = np.linspace(-0.22, 0.22, len(ways)) if len(ways) > 1 else [0.0]
    for way, offset, colour in zip(ways, offsets, cycle((REAL, *_COLOURS[1:]))):
        named = False
        for line, of in enumerate(found):
            if (result := of.by_delivery.get(way)) is None:
                continue
            few = "few" if min(result.media) < fewest else None
            auc = Measured(of.metric, result.value, result.low, result.high, few)
            _whisker(axes, auc, line + offset, colour, "" if named or few else way.replace("_", " "))
            named = named or not few
    claimed, _ = axes.get_legend_handles_labels()
    axes.axvline(0.5, color="0.6", linestyle=":")
    axes.set_yticks(range(len(found)), [_protocol(of) for of in found], fontsize=8)
    axes.invert_yaxis()
    axes.set(xlabel=f"AUC: 0.5 is guessing (hollow: fewer than {fewest} media of a class)", xlim=(0, 1))
    if len(ways) > 1 and claimed:
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return svg(figure, name)


def _protocol(of: Protocol) -> str:
    """A protocol's name, cut between the names of sources where it is long."""
    name = f"{of.name} (mean)" if "mean" in of.metric else of.name
    return shorten(name.replace("+", " + "), _LONGEST, placeholder=" …")
