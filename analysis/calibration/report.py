"""What a fit found, to read: tables for the terminal and a plot per panel."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.table import Table

from analysis.calibration.ensemble import Word
from analysis.calibration.measuring import Measured
from analysis.ensemble.calibrated import Limits
from analysis.ensemble.panels import CalibrationError, ErrorCurve
from analysis.model import Kind
from detectors.metrics import clopper_pearson, reliability
from detectors.record import Calibration

_REAL, _FAKE = "#0072b2", "#d55e00"
"""Told apart by the colour-blind (Okabe and Ito)."""
_NO_EVIDENCE = 0.01


def calibration_table(fitted: Iterable[tuple[str, Kind, Calibration]]) -> Table:
    """List the calibrators."""
    table = Table(title="Calibrators (natural-log likelihood ratio)", title_justify="left")
    for column in ("detector", "kind", "method", "parameters", "bound", "real", "fake"):
        table.add_column(column, justify="right" if column in ("bound", "real", "fake") else "left")
    for name, kind, calibration in fitted:
        table.add_row(
            name,
            kind,
            calibration.method,
            ", ".join(f"{key} {value:.3f}" for key, value in calibration.parameters.items()),
            f"{calibration.bound:.2f}",
            str(sum(data.real for data in calibration.data)),
            str(sum(data.fake for data in calibration.data)),
        )
    return table


def panel_table(measured: Iterable[tuple[Kind, Measured]], limits: Limits) -> Table:
    """List the panels with what was measured out of fold, and the bands under the given limits."""
    table = Table(title="Panels, measured with each source left out", title_justify="left")
    for column in ("panel", "kind", "AUC", "ECE", "by chance", "Brier", "high from", "low to"):
        table.add_column(column)
    for kind, found in measured:
        panel = found.panel
        table.add_row(
            " + ".join(f"{weight:.2f} {name}" for name, weight in panel.weights.items()),
            kind,
            f"{found.auc:.3f}",
            f"{panel.ece:.3f}",
            _chance(panel.calibration_error),
            f"{panel.brier:.3f}",
            _band(panel.high, limits.high_false_alarms, "real"),
            _band(panel.low, limits.low_misses, "fake"),
        )
    return table


def word_table(words: Iterable[tuple[str, Word]]) -> Table:
    """List how true the ensemble's probabilities are to their word."""
    table = Table(title="The ensemble, on sources that it was fitted without", title_justify="left")
    for column in ("media", "of sources", "got a probability", "ECE", "by chance", "Brier"):
        table.add_column(column)
    for column in ("real ones called high", "least probability called high"):
        table.add_column(column)
    for name, found in words:
        table.add_row(
            f"{found.media} {name}",
            str(found.sources),
            str(found.said),
            f"{found.error:.3f} ({found.low:.3f} to {found.high:.3f})",
            _chance(found.beside),
            f"{found.brier:.3f}",
            f"{found.alarms} of {found.real} (<= {found.bound:.1%})",
            "none called so" if found.weakest is None else f"{found.weakest:.2f}",
        )
    return table


def _chance(found: CalibrationError | None) -> str:
    return f"{found.chance:.3f} ({found.chance_low:.3f} to {found.chance_high:.3f})" if found else "–"


def _band(curve: ErrorCurve, limit: float, wrong: str) -> str:
    point = curve.cut(limit)
    if point is None:
        return f"no band at {limit:.1%}"
    return (
        f"{point.cut:+.2f}: {point.errors} of {curve.media} {wrong} "
        f"(<= {point.bound:.1%}), right ones >= {point.gain:.1%}"
    )


def source_table(kind: Kind, found: Measured, limits: Limits) -> Table:
    """List per left-out source how many media the bands of the whole panel took, each in any delivery."""
    title = f"Left-out sources, {kind}, {' + '.join(found.panel.weights)}"
    table = Table(title=title, title_justify="left")
    for column in ("source", "real", "of them high", "fake", "of them low"):
        table.add_column(column, justify="left" if column == "source" else "right")
    high, low = found.panel.high.cut(limits.high_false_alarms), found.panel.low.cut(limits.low_misses)
    for source in np.unique(found.table.source):
        inside = found.table.source == source
        cells = [str(source)]
        for label, taken in (
            (0, found.evidence >= high.cut if high else np.zeros(len(inside), dtype=bool)),
            (1, found.evidence <= low.cut if low else np.zeros(len(inside), dtype=bool)),
        ):
            mine = inside & (found.table.label == label)
            media, errors = (len(np.unique(found.table.item[chosen])) for chosen in (mine, mine & taken))
            bound = f" (<= {clopper_pearson(errors, media)[1]:.0%})" if media else ""
            cells += [str(media), f"{errors}{bound}"]
        table.add_row(*cells)
    return table


def save_plot(kind: Kind, found: Measured, limits: Limits, folder: Path) -> Path:
    """Write a panel's reliability and evidence plot as an SVG; the same data gives the same bytes."""
    name = "+".join(found.panel.weights)
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    plot_reliability(left, found)
    plot_evidence(right, found, limits)
    figure.suptitle(f"{name}, {kind}: out of fold by source ({found.panel.date})")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind}.{name}.svg"
    with mpl.rc_context({"svg.hashsalt": "veritag", "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None})
    return path


def plot_reliability(axes: Axes, found: Measured) -> None:
    """Draw how many were fake of the media to which each probability was given, out of fold."""
    said = found.table.rows(found.told)
    curve = reliability(said.label, 1 / (1 + np.exp(-found.evidence[found.told])), said.weights())
    axes.plot([0, 1], [0, 1], color="0.6", linestyle=":", label="perfect")
    axes.plot(curve.predicted, curve.observed, color="0.2", marker="o", label="measured")
    for x, y, share in zip(curve.predicted, curve.observed, curve.share, strict=True):
        axes.annotate(f"{share:.0%}", (x, y), textcoords="offset points", xytext=(6, -10), fontsize=8)
    axes.set(xlabel="probability said", ylabel="share of fakes (classes balanced)", xlim=(0, 1), ylim=(0, 1))
    axes.set_title(f"ECE {found.panel.ece:.3f}, Brier {found.panel.brier:.3f}")
    axes.legend(loc="upper left")


def plot_evidence(axes: Axes, found: Measured, limits: Limits) -> None:
    """Draw the evidence of reals and fakes, out of fold, and where the bands begin."""
    # Evidence next to none, as a calibrator of slope 0 gives it, must not look like a spread.
    least, most = min(-1.0, float(found.evidence.min())), max(1.0, float(found.evidence.max()))
    bins = np.linspace(least, most, 41).tolist()
    for label, colour, name in ((0, _REAL, "real"), (1, _FAKE, "fake")):
        mine = found.evidence[found.table.label == label]
        axes.hist(mine, bins=bins, density=True, histtype="step", linewidth=1.8, color=colour, label=name)
    for point, style, name in (
        (found.panel.high.cut(limits.high_false_alarms), "--", "high from here"),
        (found.panel.low.cut(limits.low_misses), "-.", "low up to here"),
    ):
        if point:
            axes.axvline(point.cut, color="0.3", linestyle=style, label=name)
    axes.set(xlabel="evidence (natural-log likelihood ratio)", ylabel="density")
    none = float(np.abs(found.evidence).max()) < _NO_EVIDENCE
    axes.set_title("no evidence: the score counts for nothing" if none else f"AUC {found.auc:.3f}")
    axes.legend()
