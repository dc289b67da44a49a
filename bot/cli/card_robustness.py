"""The part of a model card that says what becomes of a detector when media are changed on their way."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from detectors.record import WeightsRecord

if TYPE_CHECKING:
    from analysis.evaluation.kept import Curves

FOLDER = "robustness"


def keep(reports: Iterable[Path], cards: Path) -> None:
    """Keep the curves of evaluations' reports beside the cards.

    Raises:
        analysis.errors.ConfigurationError: a report has no curves.
    """
    from analysis.evaluation import kept

    for report in reports:
        for curves in kept.curves(report):
            kept.write(curves, cards / FOLDER / f"{curves.detector}.json")


def stored(record: WeightsRecord, cards: Path) -> Curves | None:
    """The curves beside the cards, if they are of the present weights."""
    path = cards / FOLDER / f"{record.name}.json"
    if not path.is_file():
        return None
    from analysis.evaluation import kept

    found = kept.read(path)
    return found if found.weights == record.digest else None


def draw(curves: Curves) -> str:
    """The curves as SVG."""
    from analysis.evaluation import plots

    drawn = plots.robustness(curves.rungs, f"{curves.detector}-robustness")
    assert drawn is not None, "kept curves have rungs"
    return drawn


def section(curves: Curves, plot: str) -> str:
    """The curves in Markdown; ``plot`` names the drawing beside the card."""
    base = next(rung for rung in curves.rungs if rung.level is None)
    changed = [rung for rung in curves.rungs if rung.level is not None and rung.auc.value is not None]
    parts = [_data(curves)]
    if changed and base.auc.value is not None:
        worst = min(changed, key=lambda rung: rung.auc.value or 0.0)
        parts.append(
            f"Unchanged, its AUC there is {base.auc.value:.2f}; the harshest of these changes, {worst.what} "
            f"{worst.level:g}, leaves {worst.auc.value:.2f}.\n"
        )
    parts.append(f"![AUC of {curves.detector} after each change]({plot})\n")
    parts.append(
        "One small plot for each change, from mild to harsh; bands are 95 % intervals (bootstrap, "
        f"{curves.resamples} resamples); at the dotted line it is guessing.\n"
    )
    return "\n".join(parts)


def _data(curves: Curves) -> str:
    where = f"`{curves.data}`" if curves.delivery == "as_is" else f"`{curves.data}` ({curves.delivery})"
    text = (
        f"Measured by `veritag evaluate --robustness` on {where}: {curves.real} real, {curves.fake} fake, "
        f"{curves.date}."
    )
    if curves.trained_on:
        text += (
            " **It was trained on these media**, so that the heights flatter it: only how far the curves "
            "fall means anything."
        )
    else:
        text += " It was not trained on these sources."
    return f"{text}\n"
