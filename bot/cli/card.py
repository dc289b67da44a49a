"""Model cards: what is known of one detector's weights, for people who decide whether to trust it.

Made from the record, the scores stored beside it, and what earlier evaluations and galleries left beside the
cards; nothing of this machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli import card_figures, card_gallery, card_robustness
from bot.cli.detectors import figure
from bot.cli.markdown import folded, section, table
from bot.cli.options import console
from detectors.base import Modality
from detectors.record import Calibration, DataSet, WeightsRecord

if TYPE_CHECKING:
    from analysis.calibration.measuring import Measured
    from analysis.ensemble.panels import CalibrationError
    from analysis.evaluation.kept import Curves
    from analysis.gallery import Gallery

_MADE = "This card is made by `veritag detectors --cards docs/cards`, from the detector's record.\n"
_PROTOCOLS = """\
On media that it never saw; in brackets 95 % intervals. *Left-out*: each source, generator or synthesiser in
turn was kept out of a training, and its media judged by that; *pooled* takes all of them together, a *mean*
each by itself first; *cross-set*: the shipped weights on a set that was never trained on.
"""
_NO_CURVES = """\
No curves were measured with these weights (`veritag evaluate --robustness` does); the figures under Measured
say what the encodings named there cost.
"""
_FAILS_FIRST = 2  # of the limits, told at a glance


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside a card: plots by their file names, and what was kept of earlier runs."""

    reliability: dict[Modality, str] = field(default_factory=dict)
    forest: str | None = None
    curves: tuple[Curves, str] | None = None
    gallery: Gallery | None = None


def card(record: WeightsRecord, beside: Beside | None = None) -> str:
    """The card in Markdown, with what stands beside it."""
    beside = beside or Beside()
    parts = [
        f"# {record.name}: {record.title}\n\n{_MADE}\n{_at_a_glance(record)}",
        section("Where it fails", _fails(record, beside)),
        section("Measured", _measured(record, beside.forest)),
        section("Calibrated", _calibrated(record, beside.reliability)),
        section("What it judges", _judges(record)),
        section("Trained on", _trained(record)),
        section("Licence and weights", _licence(record)),
        section("Cost", _cost(record)),
    ]
    return "\n".join(parts)


def write_cards(records: Iterable[WeightsRecord], folder: Path) -> list[Path]:
    """Write the cards of detectors whose weights ship, with their plots; returns the files written."""
    written: list[Path] = []
    folder.mkdir(parents=True, exist_ok=True)
    for record in records:
        if not record.file.bundled:
            continue
        beside = _beside(record, folder, written)
        path = folder / f"{record.name}.md"
        path.write_text(card(record, beside), "utf-8")
        written.append(path)
    return written


def _beside(record: WeightsRecord, folder: Path, written: list[Path]) -> Beside:
    def plot(name: str, drawing: str) -> str:
        path = folder / name
        path.write_text(drawing, "utf-8")
        written.append(path)
        return path.name

    forest, curves = _forest(record), card_robustness.stored(record, folder)
    gallery = card_gallery.stored(record, folder)
    for found, what, option in (
        (gallery, card_gallery.FOLDER, "--gallery DIR"),
        (curves, card_robustness.FOLDER, "--robustness DIR"),
    ):
        if found is None and (folder / what / f"{record.name}.json").is_file():
            console(stderr=True).print(
                f"{record.name}: its {what} is of other weights or calibration, so it is left out; make it "
                f"with {option}"
            )
    return Beside(
        {of: plot(f"{record.name}.{of.value}.svg", drawing) for of, drawing in _reliability(record)},
        plot(f"{record.name}.measured.svg", forest) if forest else None,
        (curves, plot(f"{record.name}.robustness.svg", card_robustness.draw(curves))) if curves else None,
        gallery,
    )


def _forest(record: WeightsRecord) -> str | None:
    if not record.measured:
        return None
    from analysis.evaluation import plots
    from analysis.evaluation.measuring import FEWEST
    from analysis.evaluation.recorded import protocols

    return plots.recorded(protocols(record.measured), f"{record.name}-measured", FEWEST)


def _reliability(record: WeightsRecord) -> Iterable[tuple[Modality, str]]:
    for modality in record.calibration:
        found = measured_alone(record, modality)
        if found is not None:
            from analysis.calibration.stored import reliability_svg

            yield modality, reliability_svg(found)


def measured_alone(record: WeightsRecord, modality: Modality) -> Measured | None:
    """What its stored out-of-fold scores say, if there are any."""
    from analysis.calibration.stored import measured_again
    from analysis.model import Kind

    return measured_again(record, Kind(modality.value))


def _at_a_glance(record: WeightsRecord) -> str:
    """What a reader must know before anything else."""
    kinds = ", ".join(modality.value for modality in record.modalities)
    rows = [
        ["looks for", f"{record.purpose or record.title} ({kinds})"],
        ["on media that it never saw", card_figures.best_known(record.measured)],
        ["what it is worth in a verdict", _worth(record)],
        ["fails, above all", "<br>".join(record.limits[:_FAILS_FIRST]) or "not stated"],
        ["licence of the weights", record.licence.weights],
    ]
    return table(["at a glance", ""], rows)


def _worth(record: WeightsRecord) -> str:
    """What its evidence can do to a verdict under the policy `calibrated`."""
    parts = []
    for modality in record.modalities:
        fitted = record.calibration.get(modality)
        if fitted is None:
            said = (
                "up to its published error rates"
                if modality in record.in_the_wild
                else "nothing: not calibrated"
            )
        elif _tells_nothing(fitted):
            said = "nothing: where it was calibrated, its score told nothing"
        else:
            sides = "for a fake only; that it finds nothing counts for nothing"
            said = f"calibrated evidence, {sides if fitted.one_sided else 'either way'}"
        parts.append(f"{modality.value}: {said}")
    return "; ".join(parts)


def _tells_nothing(fitted: Calibration) -> bool:
    return fitted.method == "platt" and fitted.parameters.get("slope") == 0


def _fails(record: WeightsRecord, beside: Beside) -> str:
    parts = ["".join(f"- {limit}\n" for limit in record.limits) or "Not stated.\n"]
    if beside.gallery:
        parts.append(f"### Mistakes to look at\n\n{card_gallery.section(beside.gallery)}")
    if beside.curves:
        parts.append(f"### When media are changed\n\n{card_robustness.section(*beside.curves)}")
    elif record.measured:
        parts.append(f"### When media are changed\n\n{_NO_CURVES}")
    return "\n".join(parts)


def _measured(record: WeightsRecord, forest: str | None) -> str:
    if not record.measured:
        return "Nothing was measured here.\n"
    parts = [
        _PROTOCOLS,
        card_figures.leading(record.measured),
    ]
    if forest:
        parts.append(f"![AUC of {record.name} by protocol and source, with intervals]({forest})\n")
    return "\n".join([*parts, card_figures.every(record.measured)])


def _judges(record: WeightsRecord) -> str:
    kinds = ", ".join(modality.value for modality in record.modalities)
    steps = ", ".join(f"{name} {value}" for name, value in record.preprocessing.items())
    lines = [
        f"- **media**: {kinds}\n",
        f"- **network**: {record.architecture}; {record.parameters} parameters\n",
        f"- **paper**: {record.paper}\n",
        f"- **preprocessing**: {steps}\n" if steps else "",
    ]
    return "".join(lines)


def _trained(record: WeightsRecord) -> str:
    if not record.trained_on:
        return f"No training sets are on record. Recipe: {record.recipe}\n"
    real, fake = (sum(getattr(of, label) for of in record.trained_on) for label in ("real", "fake"))
    title = f"{len(record.trained_on)} sets, {real} real and {fake} fake"
    return f"{folded(title, _sets(record.trained_on))}\nRecipe: {record.recipe}\n"


def _sets(sets: Sequence[DataSet]) -> str:
    rows = [[data.name, str(data.real), str(data.fake)] for data in sets]
    total = ["all", str(sum(data.real for data in sets)), str(sum(data.fake for data in sets))]
    return table(["set", "real", "fake"], [*rows, total], right=2)


def _calibrated(record: WeightsRecord, plots: dict[Modality, str]) -> str:
    parts = []
    for modality in record.modalities:
        fitted, wild = record.calibration.get(modality), record.in_the_wild.get(modality)
        if fitted is not None:
            parts.append(f"### {modality.value}\n\n{_fitted(record, modality, fitted, plots.get(modality))}")
        elif wild is not None:
            parts.append(
                f"### {modality.value}\n\nNot calibrated. It counts up to its published error rates: from a "
                f"score of {wild.threshold} on it finds {wild.tpr:.0%} of the fakes and flags "
                f"{wild.fpr:.0%} of the reals ({wild.source}).\n"
            )
        else:
            parts.append(
                f"### {modality.value}\n\nNot calibrated: its score counts for nothing in the policy "
                "`calibrated`.\n"
            )
    return "\n".join(parts)


def _fitted(record: WeightsRecord, modality: Modality, fitted: Calibration, plot: str | None) -> str:
    values = ", ".join(f"{name} {value:g}" for name, value in fitted.parameters.items())
    text = (
        f"Calibrator `{fitted.method}` ({values}), {fitted.date}; its evidence is capped at a natural-log "
        f"likelihood ratio of {fitted.bound:.2f}. {fitted.protocol}.\n\n"
        f"{folded(f'Fitted on {len(fitted.data)} sets', _sets(fitted.data))}"
    )
    if _tells_nothing(fitted):
        text += "\nIts slope is 0: on these media the score told nothing, and it counts for nothing.\n"
    text += "".join(
        f"\nCalibration error of it alone, each source judged by a calibrator fitted without it: {error}.\n"
        for error in _errors(record.name, modality)
    )
    if plot is None:
        return text
    return (
        f"{text}\n![Reliability and evidence of {record.name} on {modality.value} media]({plot})\n\n"
        "Left: of the media to which a probability was given, how many were fake, each source judged by a "
        "calibrator that was fitted without it. Right: the evidence that reals and fakes got so.\n"
    )


def _errors(name: str, modality: Modality) -> list[CalibrationError]:
    from analysis.ensemble.panels import load_calibration
    from analysis.model import Kind

    panels = load_calibration().panels.get(Kind(modality.value), ())
    return [of.calibration_error for of in panels if of.weights.keys() == {name} and of.calibration_error]


def _licence(record: WeightsRecord) -> str:
    lines = [f"- **code**: {record.licence.code}\n"]
    for part in record.files():
        accept = " (must be accepted first)" if part.licence.needs_acceptance else ""
        lines.append(f"- **{part.file.name}**: {part.licence.weights}{accept}\n")
        if part.licence.url:
            lines.append(f"- to be read at {part.licence.url}\n")
    if all(part.file.bundled for part in record.files()):
        lines.append("- **weights**: they ship with Veritag; nothing is to be fetched\n")
    elif all(part.file.bundled or part.file.source for part in record.files()):
        lines.append(f"- **weights**: `veritag weights fetch {record.name}`\n")
    else:
        page = next((part.file.page for part in record.files() if part.file.page), None)
        whence = f"get them from {page}, then " if page else ""
        lines.append(f"- **weights**: {whence}`veritag weights import {record.name} FILE`\n")
    return "".join(lines)


def _cost(record: WeightsRecord) -> str:
    cost = record.cost
    if cost is None:
        return "Not measured.\n"
    threads = "1 thread" if cost.threads == 1 else f"{cost.threads} threads"
    return (
        f"{figure(cost.gflop)} GFLOP and {figure(cost.seconds)} s for {cost.input}, on {threads} of "
        f"{cost.processor} ({cost.date}).\n"
    )
