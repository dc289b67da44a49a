"""`veritag generate`: fakes of real media that you have, with a manifest, to train and to measure with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bot.cli.layout import paragraph
from bot.cli.options import ConfigOption, configuration, console
from bot.errors import BotError, ConfigError
from bot.redact import printable

if TYPE_CHECKING:
    from detectors.generation.folder import Outcome

_REASONS_SHOWN = 5


def generate(
    context: typer.Context,
    generator: Annotated[
        str | None, typer.Argument(metavar="GENERATOR", help="Such as splice; --list names all.")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="Real media; folders named fake are passed over."),
    ] = None,
    target: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Where real/, fake/ and manifest.jsonl go.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same files.")] = 0,
    count: Annotated[
        int | None,
        typer.Option("--count", min=1, metavar="N", help="At most so many real media, drawn by the seed."),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes at work.")] = 1,
    launder: Annotated[
        str | None,
        typer.Option(
            "--launder", metavar="PRESET", help="Send each pair through a platform's habits; any draws one."
        ),
    ] = None,
    list_all: Annotated[bool, typer.Option("--list", help="Name all generators and presets.")] = False,
    config_file: ConfigOption = None,
) -> None:
    """Make a fake of each real medium below a folder; both leave with the same file history.

    The result is a folder with real/ and fake/ as `train` and `evaluate` take it. A run that was stopped goes
    on where it was when it is started again.
    """
    configuration(context, config_file)
    if list_all:
        _show_all(console())
        return
    if generator is None or source is None or target is None:
        raise ConfigError(
            "say what to make of what: GENERATOR --from DIR --to DIR; --list names the generators"
        )
    if not source.is_dir():
        raise ConfigError(f"--from {source} is no folder; name the one that holds the real media")
    outcome = _generate(generator, source, target, seed, count, workers, launder)
    _show(outcome, target, console())


def _generate(
    generator: str,
    source: Path,
    target: Path,
    seed: int,
    count: int | None,
    workers: int,
    launder: str | None,
) -> Outcome:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from detectors.generation import folder
    from detectors.generation.making import Recipe

    bars = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    screen = console(stderr=True)
    with Progress(*bars, console=screen, transient=True, disable=not screen.is_terminal) as progress:
        task = progress.add_task(generator, total=None)
        return folder.generate(
            source,
            target,
            Recipe(generator, seed, launder),
            count=count,
            workers=workers,
            tick=lambda done, total: progress.update(task, completed=done, total=total),
        )


def _show(outcome: Outcome, target: Path, out: Console) -> None:
    for line in outcome.passed_over[:_REASONS_SHOWN]:
        paragraph(out, printable(f"{line.input}: {line.reason}"), label="- ")
    if len(outcome.passed_over) > _REASONS_SHOWN:
        paragraph(out, "the other reasons are in passed_over.jsonl", label="- ")
    if not outcome.made + outcome.kept:
        raise BotError("no fake could be made of any of these media; the reasons are above")
    counts = (
        f"{outcome.made} pairs made, {outcome.kept} were there, {len(outcome.passed_over)} media passed over"
    )
    out.print(f"{counts}: {printable(str(target))}", soft_wrap=True)


def _show_all(out: Console) -> None:
    from rich.table import Table

    from detectors.base import Modality
    from detectors.generation import base
    from detectors.generation.laundering import PRESETS

    generators = Table("generator", "of", "what it makes", box=None, pad_edge=False, header_style="dim")
    for name in base.names():
        entry = base.entry(name)
        generators.add_row(name, entry.modality.value, entry.summary)
    presets = Table("laundering", "of", "what it does", box=None, pad_edge=False, header_style="dim")
    for name, preset in PRESETS.items():
        kinds = {Modality.IMAGE: preset.picture, Modality.AUDIO: preset.sound}
        of = ", ".join(kind.value for kind, draw in kinds.items() if draw is not None)
        presets.add_row(name, of, preset.summary)
    out.print(generators)
    out.print()
    out.print(presets)
