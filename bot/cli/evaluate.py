"""`veritag evaluate`: how well detectors and policies do on labelled media, with intervals."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.options import ConfigOption, JsonOption, configuration, console, print_json
from bot.errors import ConfigError

if TYPE_CHECKING:
    from analysis.engine import EmbeddedAnalyzer
    from analysis.evaluation.delivery import Delivery
    from analysis.evaluation.run import Progress
    from analysis.evaluation.scoring import Panel
    from bot.config import Settings


def evaluate(
    context: typer.Context,
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Holds real/ and fake/, or a known layout.")
    ],
    detector: Annotated[
        str | None, typer.Option("--detector", metavar="A,B", help="Detectors to measure.")
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option("--policy", metavar="P", help="Policies to measure: calibrated, vote, or both."),
    ] = None,
    crop: Annotated[
        int | None, typer.Option("--crop", min=16, max=8192, metavar="N", help="Cut all to N central pixels.")
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", min=0.1, max=600, metavar="S", help="Cut all sound to S middle seconds."),
    ] = None,
    reencode: Annotated[
        list[str] | None,
        typer.Option(
            "--reencode",
            metavar="NAME:LEVEL",
            help="Encode all again: jpeg:Q, webp:Q, h264:CRF, mp3:KBIT or opus:KBIT; once per kind of media.",
        ),
    ] = None,
    layout: Annotated[
        str | None, typer.Option("--layout", metavar="NAME", help="Layout of DIR (default: recognised).")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option("--split", metavar="NAME", help="Split (default: the published test split), or all."),
    ] = None,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Also judge every medium changed in steps.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=2, metavar="N", help="Draw N media, evenly from all groups.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of what is drawn by chance.")] = 0,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=64, metavar="N", help="Media worked on at the same time.")
    ] = 2,
    resamples: Annotated[
        int, typer.Option("--resamples", min=20, max=100_000, help="Bootstrap resamples per interval.")
    ] = 1000,
    as_json: JsonOption = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Write a page and all scores; goes on where it ended."),
    ] = None,
    thumbnails: Annotated[
        bool, typer.Option("--thumbnails", help="Show the worst mistakes as pictures in the report.")
    ] = False,
    config_file: ConfigOption = None,
) -> None:
    """Measure detectors or policies on labelled media: AUC, errors at the bands, calibration, leaks."""
    from analysis.evaluation.report import write
    from analysis.evaluation.run import Plan
    from analysis.evaluation.run import evaluate as carry_out
    from bot.assembly import media_limits
    from bot.cli.app import version
    from bot.cli.evaluation import show

    if thumbnails and report is None:
        raise ConfigError("--thumbnails needs --report, where they are shown")
    names = None if detector is None else [name.strip() for name in detector.split(",") if name.strip()]
    policies = [name.strip() for name in (policy or "").split(",") if name.strip()]
    if not names and not policies:
        raise ConfigError("nothing to measure; name --detector or --policy")
    first = None if names is None else list(_without_namesakes(names)[0])
    options = {
        "analysis.detectors": (first, "--detector"),
        "analysis.policy": (policies[0] if policies else None, "--policy"),
        "analysis.decode_workers": (workers, "--workers"),
    }
    settings = configuration(context, config_file, options).settings
    plan = Plan(
        data=data,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        version=version(),
        layout=layout,
        split=split,
        delivery=_delivery(crop, seconds, reencode or []),
        robustness=robustness,
        limit=limit,
        seed=seed,
        workers=workers,
        resamples=resamples,
        report=report,
    )
    with ExitStack() as stack:
        panels = _panels(settings, names, policies, stack)
        progress = stack.enter_context(_progress())
        outcome = carry_out(plan, panels, media_limits(settings), progress)
    written = write(outcome, report, thumbnails=thumbnails) if report else None
    if as_json:
        print_json(outcome.evaluation.as_json())
    else:
        show(outcome.evaluation, console())
        if written:
            console().print(f"report: {written}")


def _delivery(crop: int | None, seconds: float | None, reencode: list[str]) -> Delivery:
    from analysis.evaluation.delivery import Delivery, parse_change

    return Delivery(crop, seconds, tuple(parse_change(text, codec=True) for text in reencode))


def _panels(
    settings: Settings, names: list[str] | None, policies: list[str], stack: ExitStack
) -> list[Panel]:
    """The engines: one per policy, and more where two detectors have one name, as new and old weights do."""
    from analysis.evaluation.scoring import Panel

    first, *others = _without_namesakes(names or [])
    panels: list[Panel] = []
    for policy in policies or [settings.analysis.policy]:
        engine = _engine(settings, {"policy": policy}, stack)
        _require_ready(engine, first)
        measured = {} if panels else _shown(first)
        panels.append(Panel.of(engine, measured, policy if policies else None))
    for more in others:
        engine = _engine(settings, {"detectors": list(more)}, stack)
        _require_ready(engine, more)
        panels.append(Panel.of(engine, _shown(more), None))
    return panels


def _without_namesakes(names: list[str]) -> list[dict[str, str]]:
    """Deal detectors, by the names given and with their own, to engines; what the first gets may be none."""
    from detectors import record

    dealt: list[dict[str, str]] = [{}]
    for name in dict.fromkeys(names):
        own = record(name).name
        place = next((of for of in dealt if own not in of.values()), None)
        if place is None:
            place = {}
            dealt.append(place)
        place[name] = own
    return dealt


def _shown(given: dict[str, str]) -> dict[str, str]:
    """The same, by the names that a report shows: of a file its folder's and its own, no more of the way."""
    return {name if name == own else "/".join(Path(name).parts[-2:]): own for name, own in given.items()}


def _engine(settings: Settings, changes: dict[str, Any], stack: ExitStack) -> EmbeddedAnalyzer:
    from bot.assembly import build_analyzer

    chosen = settings.model_copy(update={"analysis": settings.analysis.model_copy(update=changes)})
    with console(stderr=True).status("starting the engine") as status:
        engine = build_analyzer(chosen)
        stack.callback(engine.close)
        engine.warm_up(lambda step: status.update(step))
    return engine


def _require_ready(engine: EmbeddedAnalyzer, measured: dict[str, str]) -> None:
    """A detector that is measured must be there; one that a policy merely hears may be missing."""
    missing = {
        name: why for name, why in engine.unready().items() if not measured or name in measured.values()
    }
    if measured and missing:
        raise ConfigError("; ".join(f"{name}: {why}" for name, why in missing.items()))
    for name, why in missing.items():
        console(stderr=True).print(f"{name} takes no part: {why}")


@contextmanager
def _progress() -> Iterator[Progress]:
    """Bars on standard error, where somebody looks at it."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    err = console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:

        def stage(name: str, total: int) -> Callable[[], None]:
            task = bar.add_task(name, total=total)
            return lambda: bar.advance(task)

        yield stage
