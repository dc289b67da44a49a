"""`veritag weights`: what weights there are, and getting, proving and licensing those that do not ship."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.filesize import decimal
from rich.text import Text

from bot.cli.helping import Commands
from bot.cli.layout import paragraph
from bot.cli.options import JsonOption, console, print_json, print_text
from bot.errors import ConfigError

if TYPE_CHECKING:
    from bot.weights.fetch import Fetched, OnFile
    from detectors.record import WeightsRecord

weights = Commands(
    name="weights",
    help="Detectors' weights: what is there, and getting what is not. Nothing is ever fetched unasked.",
    no_args_is_help=True,
)

NamesArgument = Annotated[list[str], typer.Argument(metavar="NAME", help="Such as tiny_ladeda.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Such as tiny_ladeda.")]


@weights.command("list")
def list_weights(as_json: JsonOption = False) -> None:
    """List the weights of all detectors: where they are, where they come from, what licence they have."""
    from detectors import names, record

    records = [record(name) for name in names()]
    if as_json:
        print_json([_as_json(known) for known in records], indent=2)
        return
    for known in records:
        _show(known)


def _as_json(record: WeightsRecord) -> dict[str, Any]:
    from bot.weights.state import State, state_of
    from detectors.weights import is_accepted, location, pins

    files = []
    for part, known in zip((None, *record.parts), record.files(), strict=True):
        path = location(known)
        files.append(
            {
                "part": part,
                "path": str(path),
                "size": path.stat().st_size if path.is_file() else None,
                "source": known.file.source,
                "page": known.file.page,
                "published_sha256": known.file.sha256 or pins(path).published,
                "licence": known.licence.weights,
                "licence_url": known.licence.url,
            }
        )
    state = state_of(record)
    return {
        "name": record.name,
        "state": state.value,
        "usable": state in {State.BUNDLED, State.READY},
        "needs_acceptance": any(known.licence.needs_acceptance for known in record.files()),
        "accepted": is_accepted(record),
        "files": files,
    }


def _show(record: WeightsRecord) -> None:
    from bot.weights.state import in_words, state_of
    from detectors.weights import location

    out = console()
    out.print(Text.assemble((record.name, "bold"), f": {in_words(state_of(record), record)}"), soft_wrap=True)
    for known in record.files():
        path = location(known)
        size = f", {decimal(path.stat().st_size)}" if path.is_file() else ""
        whence = known.file.source or known.file.page or "not public"
        paragraph(out, f"{path.name}{size}" + ("" if known.file.bundled else f", from {whence}"))
    for licence in dict.fromkeys(known.licence.weights for known in record.files()):
        paragraph(out, licence, label="licence: ")


@weights.command()
def fetch(names: NamesArgument) -> None:
    """Fetch weights from where their publishers keep them; what broke off goes on, what is there stays."""
    from bot.log import KNOWN_ERRORS
    from bot.weights.fetch import fetch as bring
    from detectors import record

    records = [record(name) for name in names]  # a wrong name is noticed before the first download
    failures = 0
    for known in records:
        try:
            with _progress() as on_file:
                brought = bring(known.name, on_file)
            _report(known, brought)
        except KNOWN_ERRORS as error:
            if len(records) == 1:
                raise
            failures += 1
            print_text(f"{known.name}: {error}\n")
    if failures:
        raise typer.Exit(1)


def _report(record: WeightsRecord, brought: tuple[Fetched, ...]) -> None:
    if not brought:
        print_text(f"{record.name}: nothing to fetch, all of it is there and as it should be\n")
    for file in brought:
        proof = "as recorded" if file.stated else "pinned now; compare it if its publisher states one"
        print_text(f"{record.name}: {file.path}\n  from {file.source}\n  SHA-256 {file.sha256} ({proof})\n")
    _remind(record)


def _remind(record: WeightsRecord) -> None:
    from detectors.weights import is_accepted

    if not is_accepted(record):
        print_text(
            f"{record.name}: not used before you accept the licence; "
            f"`veritag weights accept-licence {record.name}` shows it\n"
        )
    elif not record.file.bundled:
        _say_what_is_left(record)


def _say_what_is_left(record: WeightsRecord) -> None:
    from bot.weights.joining import steps

    for step in steps(record):
        paragraph(console(), step, label="- ")


@contextmanager
def _progress() -> Iterator[OnFile]:
    from rich import progress

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )
    err = console(stderr=True)
    with progress.Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:

        def on_file(name: str) -> Any:
            task = bar.add_task(name, total=None)
            return lambda done, total: bar.update(task, completed=done, total=total)

        yield on_file


@weights.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Default: all that are there.")
    ] = None,
) -> None:
    """Compare weights with their records; exit status 1 if a file is not the one that it should be."""
    from detectors import names as all_names
    from detectors import record

    bad = 0
    for known in [record(name) for name in names or all_names()]:
        for part in known.files():
            bad += not _is_verified(part, wanted=bool(names))
    if bad:
        raise typer.Exit(1)


def _is_verified(record: WeightsRecord, *, wanted: bool) -> bool:
    from detectors.errors import WeightsMismatch, WeightsMissing
    from detectors.weights import location
    from detectors.weights import verify as prove

    path = location(record)
    if not path.is_file():
        if wanted:
            print_text(f"{record.name}: {path.name}: {WeightsMissing(record.name, record.file.package)}\n")
        return not wanted
    try:
        print_text(f"{record.name}: {path.name} is as it should be, SHA-256 {prove(record, path)}\n")
    except WeightsMismatch as error:
        print_text(f"{record.name}: {error}\n")
        return False
    return True


@weights.command("accept-licence")
def accept_licence(
    name: NameArgument,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask; outside a terminal nobody is asked.")
    ] = False,
) -> None:
    """Show the licence of a detector's weights, and note that you accept it."""
    from detectors import record
    from detectors.weights import accept_licence as accept
    from detectors.weights import is_accepted

    known = record(name)
    out = console()
    for text, url in dict.fromkeys((part.licence.weights, part.licence.url) for part in known.files()):
        paragraph(out, text, label=f"{name}, licence of the weights: ", indent=0)
        if url:
            paragraph(out, url, label="to be read at: ")
    if is_accepted(known):
        print_text("Nothing more is needed.\n")
        return
    if _is_terminal() and not yes:
        typer.confirm("Do you accept it, and use these weights only as it allows?", abort=True)
    accept(known)
    print_text(f"Accepted; {name} may be used.\n")
    _say_what_is_left(known)


def _is_terminal() -> bool:
    return sys.stdin.isatty()


@weights.command("import")
def import_file(
    name: NameArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As its publisher gives it.")],
    part: Annotated[
        str | None, typer.Option("--part", help="Which of several files it is (default: the main one).")
    ] = None,
) -> None:
    """Take weights from a file that you have: checked, converted and installed like a fetched one."""
    from detectors import record
    from detectors.weights import install, location

    known = record(name)
    if part is not None and part not in known.parts:
        parts = ", ".join(known.parts) or "it has none"
        raise ConfigError(f"--part {part}: {name} has no such part; known: {parts}")
    if known.part(part).file.bundled:
        raise ConfigError(f"the weights of {name} ship with Veritag and are not replaced")
    if not file.is_file():
        raise ConfigError(f"{file} is no file; name the one that holds the weights of {name}")
    sha256 = install(known, {part: file})[part]
    proof = "as recorded" if known.part(part).file.sha256 else "pinned now"
    print_text(f"{name}: {location(known.part(part))}\n  SHA-256 of {file.name}: {sha256} ({proof})\n")
    _remind(known)
