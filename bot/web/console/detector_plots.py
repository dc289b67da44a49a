"""The plots of a detector's page, as SVG: drawn when first asked for, kept while the data stays the same."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import detectors
from analysis.model import Kind
from bot.detector_figures import Reviewed, probabilities
from detectors.record import WeightsRecord

if TYPE_CHECKING:
    from analysis.calibration.measuring import Measured
    from analysis.evaluation.table import Table
    from bot.bands import BandLimits

# Pictures of their own: matplotlib's styles stand in them, and nothing else may.
PLOT_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
_DRAWING = Lock()
"""matplotlib's settings are one for all threads."""


def scores_plot(record: WeightsRecord, found: Reviewed) -> str | None:
    """Scores of reviewed reals and fakes; None without any."""
    return _drawn("scores", record.name, found)


def roc_plot(record: WeightsRecord, found: Reviewed) -> str | None:
    """The ROC curve with its 95 % band; None with too few reviews."""
    return _drawn("roc", record.name, found) if found.enough else None


def reliability_plot(record: WeightsRecord, found: Reviewed) -> str | None:
    """How many of the reviewed media were fakes, by the probability said; None with too few, or none said."""
    said = probabilities(record, found) if found.enough else None
    return _drawn("reliability", record.name, Reviewed(found.kind, found.labels, said)) if said else None


@lru_cache(maxsize=64)
def calibration_plot(name: str, kind: Kind) -> str | None:
    """Reliability and evidence of the calibration that ships, out of fold; None where no scores are kept."""
    from analysis.calibration.stored import measured_again, reliability_svg

    found = measured_again(detectors.record(name), kind)
    if found is None:
        return None
    with _DRAWING:
        return reliability_svg(found)


def panel_plot(found: Measured, limits: BandLimits) -> str:
    """Reliability and evidence of a panel, out of fold, and where the bands begin under these limits."""
    from analysis.calibration.stored import reliability_svg
    from analysis.ensemble.calibrated import Limits

    with _DRAWING:
        return reliability_svg(found, Limits(limits.high_false_alarms, limits.low_misses))


@lru_cache(maxsize=128)
def _drawn(what: str, name: str, found: Reviewed) -> str | None:
    from analysis.evaluation import plots

    table = _table(name, found)
    with _DRAWING:
        match what:
            case "roc":
                return plots.roc(table, "roc")
            case "reliability":
                return plots.reliabilities(table, "reliability")
            case _:
                return plots.histogram(table, table.columns[0], "scores")


def _table(name: str, found: Reviewed) -> Table:
    """The reviewed media as the evaluation's plots take them."""
    import numpy as np

    from analysis.evaluation.items import Item, Known
    from analysis.evaluation.rows import Role, Subject
    from analysis.evaluation.table import CUT, Column, Table

    media = tuple(
        Known(Item(Path(), str(number), label, "reviews"), str(number))
        for number, label in enumerate(found.labels)
    )
    scores = np.array(found.scores, dtype=np.float64)
    column = Column(Subject(Role.DETECTOR, name), (), scores, scores >= CUT, ranks_only=False)
    return Table(found.kind, "as posted", media, (column,))
