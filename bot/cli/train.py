"""`veritag train`: make a detector's weights again, by the recipe that ships with it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.options import ConfigOption, configuration
from bot.errors import BotError, ConfigError


def train(
    context: typer.Context,
    detector: Annotated[str, typer.Argument(metavar="DETECTOR", help="Such as tiny_ladeda.")],
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Holds SOURCE/real and SOURCE/fake with pictures.")
    ],
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same weights.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Where the weights go (default: trained/ in data_dir)."),
    ] = None,
    config_file: ConfigOption = None,
) -> None:
    """Train a detector from scratch; nothing that is in use is overwritten."""
    from detectors import record

    settings = configuration(context, config_file).settings
    record(detector)
    recipe = f"detectors.training.{detector}"
    if importlib.util.find_spec(recipe) is None:
        raise ConfigError(f"there is no training recipe for {detector}; its weights come from elsewhere")
    if not data.is_dir():
        raise ConfigError(f"--data {data} is no folder; name the one that holds SOURCE/real and SOURCE/fake")
    target = out or settings.data_dir / "trained"
    target.mkdir(parents=True, exist_ok=True)
    arguments = ["--data", str(data), "--out", str(target), "--seed", str(seed)]
    # A process of its own: training takes all memory and threads it can get, and gives them back at its end.
    done = subprocess.run([sys.executable, "-m", recipe, *arguments], check=False)
    if done.returncode != 0:
        raise BotError(f"training of {detector} ended with status {done.returncode}; its reason is above")
