"""What the commands share: options, the configuration behind them, and where output goes."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from bot.config import Configuration

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Configuration file (default: veritag.toml here)."),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")
]


@dataclass(frozen=True, slots=True)
class Invocation:
    """What was said before the command's name, for the whole process."""

    config: Path | None = None
    debug: bool = False


def configuration(
    context: typer.Context,
    file: Path | None = None,
    options: Mapping[str, tuple[Any, str]] | None = None,
    *,
    service: bool = False,
) -> Configuration:
    """The effective configuration, and logs set up by it.

    Args:
        file: What the command's own `--config` says.
        options: Settings that options of the command have set; those that were not given are None.
        service: A command that runs for long logs as configured; one that answers and ends only warns.

    Raises:
        ConfigError: see `bot.config.load`.
    """
    from bot.config import load
    from bot.log import configure

    invocation = context.ensure_object(Invocation)
    given = {name: pair for name, pair in (options or {}).items() if pair[0] is not None}
    loaded = load(file or invocation.config, given)
    level = loaded.settings.log.level if service else "warning"
    configure("debug" if invocation.debug else level, loaded.settings.log.format)
    return loaded


def print_json(value: Any, *, indent: int | None = None) -> None:
    """One JSON value on standard output, at once, in ASCII: safe for every locale and odd file name."""
    sys.stdout.write(json.dumps(value, indent=indent) + "\n")
    sys.stdout.flush()


def print_text(text: str) -> None:
    """Text on standard output as it is."""
    sys.stdout.write(text)
    sys.stdout.flush()


def console(*, stderr: bool = False) -> Console:
    """Where text for people goes; URLs and paths are not coloured by guesses."""
    return Console(stderr=stderr, highlight=False, emoji=False, markup=False, soft_wrap=False)
