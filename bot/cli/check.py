"""`veritag check`: judge files and URLs."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.options import ConfigOption, JsonOption, configuration, console, print_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from analysis.engine import EmbeddedAnalyzer
    from bot.cli.evidence import Drawn
    from bot.config import Settings
    from bot.judging import Judge, Outcome
    from bot.resolver import Resolver


def check(
    context: typer.Context,
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT", help="Files, or URLs of media or posts.")],
    as_json: JsonOption = False,
    policy: Annotated[
        str | None, typer.Option("--policy", metavar="P", help="Verdict policy: calibrated or vote.")
    ] = None,
    detectors: Annotated[
        str | None, typer.Option("--detectors", metavar="A,B", help="Detectors that take part.")
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Full precision, faces looked for in whole frames.")
    ] = False,
    evidence: Annotated[
        Path | None,
        typer.Option("--evidence", metavar="DIR", help="Draw what the detectors saw, as PNG files in DIR."),
    ] = None,
    config_file: ConfigOption = None,
) -> None:
    """Judge files or URLs. Exit status 0 whatever the verdict, 2 for unusable input, 1 if we failed."""
    names = None if detectors is None else [name for name in detectors.split(",") if name.strip()]
    options: dict[str, tuple[object, str]] = {
        "analysis.policy": (policy, "--policy"),
        "analysis.detectors": (names, "--detectors"),
        "analysis.exact": (exact or None, "--exact"),
    }
    settings = configuration(context, config_file, options).settings
    _refuse_unknown(settings)
    status = 0
    with ExitStack() as stack:
        engine = _engine(settings, stack)
        for outcome in _with_progress(_judge(settings, stack, engine).run(inputs), len(inputs)):
            files = None if evidence is None else _draw(outcome, engine, evidence)
            _print(outcome, files, as_json=as_json)
            if outcome.fault is not None:
                status = max(status, 2 if outcome.fault.unusable else 1)
    raise typer.Exit(status)


def _refuse_unknown(settings: Settings) -> None:
    """Before any input is looked at: an unknown detector is a fault of the command, not of the input."""
    from detectors import record

    for name in settings.analysis.detectors:
        record(name)


def _engine(settings: Settings, stack: ExitStack) -> Callable[[], EmbeddedAnalyzer]:
    from bot.assembly import build_analyzer

    @cache
    def analyzer() -> EmbeddedAnalyzer:
        err = console(stderr=True)
        with err.status("starting the engine") as status:
            engine = build_analyzer(settings)
            stack.callback(engine.close)
            engine.warm_up(lambda step: status.update(step))
        return engine

    return analyzer


def _judge(settings: Settings, stack: ExitStack, analyzer: Callable[[], EmbeddedAnalyzer]) -> Judge:
    from bot.assembly import build_resolver
    from bot.judging import Judge

    @cache
    def resolver() -> Resolver:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="veritag-"))
        return stack.enter_context(build_resolver(settings, Path(scratch)))

    return Judge(analyzer, resolver)


def _draw(outcome: Outcome, engine: Callable[[], EmbeddedAnalyzer], folder: Path) -> list[list[Drawn]]:
    """Draw the evidence of each medium of an outcome."""
    from bot.cli.evidence import draw

    return [
        draw(analysis, path, engine(), folder)
        for analysis, path in zip(outcome.analyses, outcome.paths, strict=True)
    ]


def _print(outcome: Outcome, drawn: list[list[Drawn]] | None, *, as_json: bool) -> None:
    if as_json:
        value = outcome.as_json()
        for medium, pictures in zip(value["media"], drawn or (), strict=drawn is not None):
            medium["evidence"] = [{"file": str(picture.file), "alt": picture.alt} for picture in pictures]
        print_json(value)
        return
    from bot.cli.render import show

    show(outcome, console(), drawn)


def _with_progress(outcomes: Iterable[Outcome], total: int) -> Iterator[Outcome]:
    """Count on standard error while several media are judged, where somebody looks at it."""
    err = console(stderr=True)
    if total < 2 or not err.is_terminal:
        yield from outcomes
        return
    from rich.progress import Progress

    # Standard output is left alone, as it may be a file; the bar makes way while something is printed there.
    with Progress(console=err, transient=True, redirect_stdout=False) as progress:
        task = progress.add_task("judging", total=total)
        for outcome in outcomes:
            progress.advance(task)
            progress.stop()
            yield outcome
            progress.start()
