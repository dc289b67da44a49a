"""`veritag detectors`: what is there, how well it was measured, and where it fails."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from bot.cli.layout import paragraph
from bot.cli.options import ConfigOption, JsonOption, configuration, console, print_json, print_text
from bot.weights.state import State, in_words, state_of

if TYPE_CHECKING:
    from detectors.record import Cost, Measurement, WeightsRecord


@dataclass(frozen=True, slots=True)
class Listed:
    """A detector's record, and the state of its weights on this machine."""

    record: WeightsRecord
    state: State

    @property
    def weights(self) -> str:
        """The state in words."""
        return in_words(self.state, self.record)


def detectors(
    context: typer.Context,
    as_json: JsonOption = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a page of documentation.")] = False,
    card: Annotated[
        str | None, typer.Option("--card", metavar="NAME", help="Print one detector's model card (Markdown).")
    ] = None,
    cards: Annotated[
        Path | None,
        typer.Option("--cards", metavar="DIR", help="Write the model cards of all whose weights ship."),
    ] = None,
    gallery: Annotated[
        Path | None,
        typer.Option(
            "--gallery",
            metavar="DIR",
            help="With --cards: judge these labelled media and what is made of them; show mistakes.",
        ),
    ] = None,
    robustness: Annotated[
        list[Path] | None,
        typer.Option(
            "--robustness",
            metavar="DIR",
            help="With --cards: keep the curves of a report of evaluate --robustness; may be repeated.",
        ),
    ] = None,
    config_file: ConfigOption = None,
) -> None:
    """List the detectors: weights, licences, measured results with their intervals, and limits."""
    if sum((as_json, markdown, card is not None, cards is not None)) > 1:
        raise typer.BadParameter("--json, --markdown, --card and --cards exclude each other")
    if (gallery is not None or robustness) and cards is None:
        raise typer.BadParameter("--gallery and --robustness need --cards, where they are shown")
    if card is not None:
        _card(card)
        return
    if cards is not None:
        if gallery is not None:
            from bot.cli.card_gallery import make

            make(gallery, cards, configuration(context, config_file).settings)
        if robustness:
            from bot.cli.card_robustness import keep

            keep(robustness, cards)
        _cards(cards)
        return
    listed = _listed()
    if as_json:
        print_json([_as_json(entry) for entry in listed], indent=2)
    elif markdown:
        from bot.cli.detectors_page import page

        print_text(page([entry.record for entry in listed]))
    else:
        for entry in listed:
            _show(entry, console())
        _say_how_to_add(console())


def _say_how_to_add(out: Console) -> None:
    from bot.weights.joining import guide

    out.print("How a detector of this list joins those that judge:")
    for number, step in enumerate(guide(), 1):
        paragraph(out, step, label=f"{number}. ")


def _card(name: str) -> None:
    from bot.cli.card import card
    from detectors import record

    print_text(card(record(name)))


def _cards(folder: Path) -> None:
    from bot.cli.card import write_cards
    from detectors import names, record

    for path in write_cards(map(record, names()), folder):
        print_text(f"{path}\n")


def _listed() -> list[Listed]:
    from detectors import names, record

    return [Listed(known, state_of(known)) for known in map(record, names())]


def _as_json(entry: Listed) -> dict[str, Any]:
    return entry.record.model_dump(mode="json") | {
        "weights": entry.weights,
        "state": entry.state.value,
        "usable": entry.state in {State.BUNDLED, State.READY},
        "calibrated": sorted(modality.value for modality in entry.record.calibration),
    }


def facts(record: WeightsRecord, weights: str) -> list[tuple[str, str]]:
    """What is said of a detector, as (label, words), in the order in which it is shown."""
    licence = f"{record.licence.weights} (code: {record.licence.code})"
    sets = ", ".join(f"{data.name} ({data.real} real, {data.fake} fake)" for data in record.trained_on)
    return [
        ("judges", ", ".join(modality.value for modality in record.modalities)),
        ("network", f"{record.architecture}, {record.parameters} parameters"),
        ("paper", record.paper),
        ("weights", weights),
        ("licence", licence),
        ("trained on", sets or "not stated"),
        ("calibrated", _calibrated(record)),
        ("cost", _cost(record.cost)),
    ]


def _cost(cost: Cost | None) -> str:
    if cost is None:
        return "not measured"
    threads = "1 thread" if cost.threads == 1 else f"{cost.threads} threads"
    work = f"{figure(cost.gflop)} GFLOP, {figure(cost.seconds)} s"
    return f"{work} for {cost.input}; {threads} of {cost.processor}; {cost.date}"


def figure(number: float) -> str:
    """A number with those of its digits that mean something: 0.0034, 1.7, 155, 12 034."""
    return f"{number:,.0f}".replace(",", " ") if number >= 10 else f"{number:.2g}"


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
    for label, words in facts(entry.record, entry.weights):
        paragraph(out, words, label=f"{label}: ")
    for title, lines in lists(entry.record):
        paragraph(out, "", label=f"{title}: ")
        for line in lines:
            paragraph(out, line, indent=4, label="- ")
    out.print()


def lists(record: WeightsRecord) -> list[tuple[str, list[str]]]:
    """What was measured of a detector and where it fails, as (title, lines)."""
    results = [measured(result) for result in record.measured] or ["nothing was measured here"]
    return [
        ("measured on media that it never saw", results),
        ("limits", list(record.limits) or ["not stated"]),
    ]
