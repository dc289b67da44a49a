"""Model cards: what is known of one detector's weights, for people who decide whether to trust it.

Made from the record and the scores stored beside it alone; nothing of this machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli.detectors import figure
from detectors.base import Modality
from detectors.record import Calibration, DataSet, Measurement, WeightsRecord

if TYPE_CHECKING:
    from analysis.calibration.measuring import Measured
    from analysis.ensemble.panels import CalibrationError

_MADE = "This card is made by `veritag detectors --cards docs/cards`, from the detector's record.\n"


def card(record: WeightsRecord, plots: Mapping[Modality, str] | None = None) -> str:
    """The card in Markdown; ``plots`` names a reliability plot beside it, by modality."""
    parts = [
        f"# {record.name}: {record.title}\n\n{_MADE}",
        _section("What it judges", _judges(record)),
        _section("Trained on", _trained(record)),
        _section("Measured", _measured(record.measured)),
        _section("Calibrated", _calibrated(record, plots or {})),
        _section("Where it fails", "".join(f"- {limit}\n" for limit in record.limits) or "Not stated.\n"),
        _section("Licence and weights", _licence(record)),
        _section("Cost", _cost(record)),
    ]
    return "\n".join(parts)


def write_cards(records: Iterable[WeightsRecord], folder: Path) -> list[Path]:
    """Write the cards of detectors whose weights ship, with their plots; returns the files written."""
    written: list[Path] = []
    folder.mkdir(parents=True, exist_ok=True)
    for record in records:
        if not record.file.bundled:
            continue
        plots = dict(_plots(record, folder, written))
        path = folder / f"{record.name}.md"
        path.write_text(card(record, plots), "utf-8")
        written.append(path)
    return written


def _plots(record: WeightsRecord, folder: Path, written: list[Path]) -> Iterable[tuple[Modality, str]]:
    for modality in record.calibration:
        found = measured_alone(record, modality)
        if found is not None:
            from analysis.calibration.stored import reliability_svg

            path = folder / f"{record.name}.{modality.value}.svg"
            path.write_text(reliability_svg(found), "utf-8")
            written.append(path)
            yield modality, path.name


def measured_alone(record: WeightsRecord, modality: Modality) -> Measured | None:
    """What its stored out-of-fold scores say, if there are any."""
    from analysis.calibration.stored import measured_again
    from analysis.model import Kind

    return measured_again(record, Kind(modality.value))


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], right: int = 0) -> str:
    """A Markdown table whose last ``right`` columns are numbers."""
    rule = ["---"] * (len(head) - right) + ["--:"] * right
    lines = [head, rule, *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


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
    return f"{_sets(record.trained_on)}\nRecipe: {record.recipe}\n"


def _sets(sets: Sequence[DataSet]) -> str:
    rows = [[data.name, str(data.real), str(data.fake)] for data in sets]
    total = ["all", str(sum(data.real for data in sets)), str(sum(data.fake for data in sets))]
    return _table(["set", "real", "fake"], [*rows, total], right=2)


def _measured(results: Sequence[Measurement]) -> str:
    if not results:
        return "Nothing was measured here.\n"
    rows = [
        [
            of.modality.value,
            of.protocol,
            of.metric,
            f"{of.value:.3f}",
            f"{of.low:.3f} to {of.high:.3f}",
            str(of.real),
            str(of.fake),
            of.date,
        ]
        for of in results
    ]
    head = ["media", "protocol", "figure", "value", "95 % interval", "real", "fake", "date"]
    return f"On media that it never saw.\n\n{_table(head, rows, right=5)}"


def _calibrated(record: WeightsRecord, plots: Mapping[Modality, str]) -> str:
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
        f"likelihood ratio of {fitted.bound:.2f}. {fitted.protocol}.\n\n{_sets(fitted.data)}"
    )
    if fitted.parameters.get("slope") == 0:
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
