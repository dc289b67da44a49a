"""`veritag detectors`: what is there, how well it was measured, and where it fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from bot.cli.layout import paragraph
from bot.cli.options import JsonOption, console, print_json, print_text

if TYPE_CHECKING:
    from detectors.record import Measurement, WeightsRecord


@dataclass(frozen=True, slots=True)
class Listed:
    """A detector's record, and the state of its weights on this machine."""

    record: WeightsRecord
    weights: str


def detectors(
    as_json: JsonOption = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a page of documentation.")] = False,
) -> None:
    """List the detectors: weights, licences, measured results with their intervals, and limits."""
    if as_json and markdown:
        raise typer.BadParameter("--json and --markdown exclude each other")
    listed = _listed()
    if as_json:
        print_json([_as_json(entry) for entry in listed], indent=2)
    elif markdown:
        print_text("# Detectors\n\nThis page is made by `veritag detectors --markdown`.\n")
        print_text("".join(_markdown(entry) for entry in listed))
    else:
        for entry in listed:
            _show(entry, console())


def _listed() -> list[Listed]:
    from detectors import names, record
    from detectors.weights import is_accepted, location

    found = []
    for name in names():
        known = record(name)
        if not location(known).is_file():
            state = f"not on this machine; `veritag weights fetch {name}`"
        elif known.licence.needs_acceptance and not is_accepted(known):
            state = f"there, licence not accepted; `veritag weights accept-licence {name}`"
        else:
            state = "there, shipped with Veritag" if known.file.bundled else "there"
        found.append(Listed(known, state))
    return found


def _as_json(entry: Listed) -> dict[str, Any]:
    return entry.record.model_dump(mode="json") | {
        "weights": entry.weights,
        "usable": entry.weights.startswith("there") and "not accepted" not in entry.weights,
        "calibrated": sorted(modality.value for modality in entry.record.calibration),
    }


def facts(entry: Listed) -> list[tuple[str, str]]:
    """What is said of a detector, as (label, words), in the order in which it is shown."""
    record = entry.record
    licence = f"{record.licence.weights} (code: {record.licence.code})"
    sets = ", ".join(f"{data.name} ({data.real} real, {data.fake} fake)" for data in record.trained_on)
    return [
        ("judges", ", ".join(modality.value for modality in record.modalities)),
        ("network", f"{record.architecture}, {record.parameters} parameters"),
        ("paper", record.paper),
        ("weights", entry.weights),
        ("licence", licence),
        ("trained on", sets or "not stated"),
        ("calibrated", _calibrated(record)),
    ]


def _calibrated(record: WeightsRecord) -> str:
    parts = []
    for modality in record.modalities:
        fitted = record.calibration.get(modality)
        if fitted is not None:
            sets = ", ".join(data.name for data in fitted.data)
            parts.append(f"{modality.value}: yes, on {sets} ({fitted.date})")
        elif modality in record.in_the_wild:
            parts.append(f"{modality.value}: no; counts up to its published error rates")
        else:
            parts.append(f"{modality.value}: no; its score counts for nothing in the calibrated policy")
    return "; ".join(parts)


def measured(result: Measurement) -> str:
    """One measured figure with its interval and the size of what it was measured on."""
    size = f"{result.real} real, {result.fake} fake"
    figure = f"{result.metric} {result.value:.3f} (95 % interval {result.low:.3f} to {result.high:.3f})"
    return f"{result.modality.value}: {figure}; {size}; {result.protocol}; {result.date}"


def _show(entry: Listed, out: Console) -> None:
    out.print(Text.assemble((entry.record.name, "bold"), f": {entry.record.title}"))
    for label, words in facts(entry):
        paragraph(out, words, label=f"{label}: ")
    for title, lines in _lists(entry.record):
        paragraph(out, "", label=f"{title}: ")
        for line in lines:
            paragraph(out, line, indent=4, label="- ")
    out.print()


def _lists(record: WeightsRecord) -> list[tuple[str, list[str]]]:
    results = [measured(result) for result in record.measured] or ["nothing was measured here"]
    return [
        ("measured on media that it never saw", results),
        ("limits", list(record.limits) or ["not stated"]),
    ]


def _markdown(entry: Listed) -> str:
    parts = [f"\n## {entry.record.name}\n\n{entry.record.title}\n\n"]
    # Whether weights lie on the machine that made the page says nothing to its readers.
    parts += [f"- **{label}**: {words}\n" for label, words in facts(entry) if label != "weights"]
    for title, lines in _lists(entry.record):
        parts.append(f"\n{title.capitalize()}:\n\n" + "".join(f"- {line}\n" for line in lines))
    return "".join(parts)
