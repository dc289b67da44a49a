"""`veritag run`: the service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.options import ConfigOption, configuration, console


def run(
    context: typer.Context,
    config_file: ConfigOption = None,
    test_mode: Annotated[
        bool,
        typer.Option("--test-mode", help="Do everything, but write replies to a file: nothing is posted."),
    ] = False,
    until_idle: Annotated[
        bool,
        typer.Option("--until-idle", help="End when nothing is left to do, instead of waiting for more."),
    ] = False,
    inbox: Annotated[
        Path | None,
        typer.Option("--inbox", metavar="FOLDER", help="Watch this inbox folder and nothing else."),
    ] = None,
) -> None:
    """Watch for mentions, judge the media they point at, and reply."""
    loaded = configuration(
        context,
        config_file,
        {
            "test_mode": (test_mode or None, "--test-mode"),
            "platforms": (["inbox"] if inbox else None, "--inbox"),
            "inbox.folder": (inbox, "--inbox"),
        },
        service=True,
    )
    from bot import process
    from bot.cli.spectator import Teller

    teller = Teller(console(), console(stderr=True), simulated=loaded.settings.test_mode)
    process.run(loaded.settings, teller, until_idle=until_idle)
