"""`veritag bench`: how fast this machine judges, side by side with the plain path."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.errors import BotError, ConfigError

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "inbox" / "media" / "astronaut-zoom.mp4"


def bench(
    clips: Annotated[
        list[Path] | None,
        typer.Argument(metavar="CLIP", help="Video files with faces; default: the sample clip."),
    ] = None,
    cores: Annotated[int, typer.Option("--cores", min=1, help="Processor cores that are used.")] = 2,
    runs: Annotated[int, typer.Option("--runs", min=1, help="Rounds; the medians are shown.")] = 3,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where figures and the plot go.")
    ] = None,
) -> None:
    """Measure each stage and the whole beside the plain path, and a queue beside the bare network."""
    if not (ROOT / "benchmarks").is_dir():
        raise ConfigError("the benchmarks are not installed; run `veritag bench` in a copy of the repository")
    chosen = clips or [SAMPLE]
    for clip in chosen:
        if not clip.is_file():
            raise ConfigError(f"{clip} is no file; name video files with faces in them")
    plot = ["--out", str(out.resolve())] if out else []
    _run(
        "benchmarks.engine", *map(str, (c.resolve() for c in chosen)), *plot, "--runs", str(runs), cores=cores
    )
    _run("benchmarks.queue", cores=cores)


def _run(module: str, *arguments: str, cores: int) -> None:
    """In a process of its own, which pins itself to its cores."""
    command = [sys.executable, "-m", module, *arguments, "--cores", str(cores)]
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode != 0:
        raise BotError(f"{module} ended with status {done.returncode}; its reason is above")
