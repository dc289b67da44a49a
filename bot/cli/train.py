"""`veritag train`: make a detector's weights anew, or better ones from those that there are."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.options import ConfigOption, configuration, console, print_text
from bot.errors import BotError, ConfigError

if TYPE_CHECKING:
    from bot.config import Settings
    from detectors.training.run import Request

_PROGRAMS = "detectors.training"


def train(
    context: typer.Context,
    detector: Annotated[
        str | None, typer.Argument(metavar="DETECTOR", help="Such as aasist_l or timm_probe:resnet18.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Holds SOURCE/real and SOURCE/fake with media."),
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option("--validation", metavar="DIR", help="Laid out alike; chooses the best weights."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where the weights go (default: trained/ in data_dir)."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="CHECKPOINT", help="A file of weights to begin from, or `store`."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a training that was stopped.")] = False,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="Of the optimiser (default: the recipe's epochs).")
    ] = None,
    batch: Annotated[int | None, typer.Option("--batch", min=1, help="Items per step.")] = None,
    rate: Annotated[float | None, typer.Option("--lr", help="The first learning rate.")] = None,
    precision: Annotated[
        str | None, typer.Option("--precision", help="32-true, bf16-mixed or 16-mixed.")
    ] = None,
    device: Annotated[
        str, typer.Option("--device", help="auto, cpu, cuda, cuda:1, or cuda:0,1 for both.")
    ] = "auto",
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same weights.")] = 0,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting; may be repeated.")
    ] = None,
    prepared: Annotated[
        bool, typer.Option("--prepared", help="The pictures in DIR are face crops already.")
    ] = False,
    list_all: Annotated[bool, typer.Option("--list", help="Name all recipes, a line each.")] = False,
    config_file: ConfigOption = None,
) -> None:
    """Train or fine-tune a detector; nothing that is in use is overwritten.

    Ctrl-C stops it after a checkpoint; the same command with --resume goes on.
    """
    if list_all:
        _list()
        return
    if detector is None or data is None:
        raise ConfigError("name a detector and its --data; `veritag train --list` names the recipes")
    settings = configuration(context, config_file).settings
    if not _is_recipe(detector) and not _is_program(detector):
        _refuse(detector)
    for option, folder in (("--data", data), ("--validation", validation)):
        if folder is not None and not folder.is_dir():
            raise ConfigError(
                f"{option} {folder} is no folder; name the one that holds SOURCE/real and SOURCE/fake"
            )
    target = out or settings.data_dir / "trained"
    target.mkdir(parents=True, exist_ok=True)
    options = {"--steps": steps, "--batch": batch, "--lr": rate, "--precision": precision}
    if not _is_recipe(detector):
        given = {"--validation": validation, "--from": start, **options}
        _run_program(detector, data, target, seed, given, resume=resume)
        return
    chosen = {name.removeprefix("--"): value for name, value in options.items() if value is not None}
    _train(
        settings,
        {
            "recipe": detector,
            "data": data,
            "validation": validation,
            "out": target,
            "start": start,
            "resume": resume,
            "seed": seed,
            "device": device,
            "settings": {**dict(_assigned(entry) for entry in assignments or ()), **chosen},
        },
        prepared=prepared,
    )


def _list() -> None:
    from detectors.training.recipes import RECIPES

    width = max(map(len, RECIPES))
    lines = [(name, entry.summary) for name, entry in RECIPES.items()]
    lines += [(name, f"a program of its own: python -m {_PROGRAMS}.{name} --help") for name in _programs()]
    for name, summary in sorted(lines):
        print_text(f"{name:{width}}  {summary}\n")


def _programs() -> list[str]:
    """The detectors with a recipe that is a program of its own."""
    from detectors import names

    return [name for name in names() if _is_program(name)]


def _is_recipe(name: str) -> bool:
    from detectors.training.recipes import is_known

    return is_known(name)


def _is_program(name: str) -> bool:
    """Whether `python -m detectors.training.NAME` trains it."""
    from detectors import names

    return name in names() and importlib.util.find_spec(f"{_PROGRAMS}.{name}") is not None


def _refuse(name: str) -> None:
    from detectors import record

    record(name)  # an unknown detector is another fault than one without a recipe
    raise ConfigError(f"there is no training recipe for {name}; `veritag train --list` names those that are")


def _assigned(entry: str) -> tuple[str, str]:
    key, equals, value = entry.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {entry} is no assignment; write --set KEY=VALUE")
    return key.strip(), value.strip()


def _train(settings: Settings, asked: dict[str, Any], *, prepared: bool) -> None:
    _require_extra()
    from detectors.training.run import Request, run

    request = _with_views(settings, Request(cache=settings.data_dir / "training", **asked), prepared=prepared)
    result = run(request, console(stderr=True))
    say = print_text if result.is_first else _nothing
    if result.weights is None:
        say(f"Stopped after step {result.progress.step}; the same command with --resume goes on.\n")
        raise typer.Exit(130)
    say(f"{result.weights}\n  where it comes from: {result.report}\n")


def _nothing(text: str) -> None:
    """What all processes but the first one say."""
    del text


def _require_extra() -> None:
    missing = [name for name in ("lightning_fabric", "tensorboard") if not importlib.util.find_spec(name)]
    if missing:
        raise ConfigError(f"training needs {' and '.join(missing)}; run `pip install 'veritag[training]'`")


def _with_views(settings: Settings, request: Request, *, prepared: bool) -> Request:
    """The request for the folders of views that are made of its folders of media, if it needs any."""
    from dataclasses import replace

    from bot.assembly import media_limits
    from bot.training_views import holds_views, prepare
    from detectors import record
    from detectors.base import View
    from detectors.training.run import view_of

    view, name = view_of(request.recipe)
    if view is View.FRAMES or prepared:
        return request

    def views_of(folder: Path) -> Path:
        if holds_views(folder):
            return folder
        limits, device = media_limits(settings), request.device.partition(",")[0]
        made = prepare(
            *(folder, record(name), view, request.cache, limits),
            device="cpu" if device.startswith(("auto", "cpu")) else device,
            shown=_shown(view.value),
        )
        if made.passed_over:
            print_text(f"{folder}: {made.made} media, {made.passed_over} passed over\n")
        return made.folder

    validation = views_of(request.validation) if request.validation else None
    return replace(request, data=views_of(request.data), validation=validation)


def _shown(view: str) -> Any:
    """What goes through a list of media and shows how far it is."""

    def through(media: list[Path]) -> Iterable[Path]:
        from rich.progress import track

        err = console(stderr=True)
        said = f"{view.replace('_', ' ')} of {len(media)} media"
        return track(media, said, console=err, disable=not err.is_terminal)

    return through


def _run_program(
    detector: str, data: Path, out: Path, seed: int, given: dict[str, Any], *, resume: bool
) -> None:
    arguments = ["--data", str(data), "--out", str(out), "--seed", str(seed)]
    for option, value in given.items():
        arguments += [option, str(value)] if value is not None else []
    arguments += ["--resume"] if resume else []
    # A process of its own: training takes all memory and threads it can get, and gives them back at its end.
    child = subprocess.Popen([sys.executable, "-m", f"{_PROGRAMS}.{detector}", *arguments])
    with _signals_left_to(child):
        status = child.wait()
    if status != 0:
        raise BotError(f"training of {detector} ended with status {status}; its reason is above")


@contextmanager
def _signals_left_to(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Wait for the child's own end when asked to stop: it may have something to save.

    A terminal sends Ctrl-C to the child, too; whoever ends this process by SIGTERM does not.
    """

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        if number == signal.SIGTERM:
            child.terminate()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
