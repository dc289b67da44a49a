"""`veritag pause` and `veritag resume`: stop posting at once, in a running service too, and go on."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from bot.cli.options import ConfigOption, configuration, console

ByOption = Annotated[str | None, typer.Option("--by", help="Who you are (default: user name).")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for other operators.")]


def pause(
    context: typer.Context, reason: ReasonOption = "", by: ByOption = None, config_file: ConfigOption = None
) -> None:
    """Post nothing from now on. The bot goes on watching and judging; replies wait in the outbox."""
    _switch(context, config_file, is_on=True, by=by, reason=reason)
    console().print("Paused: nothing is posted until `veritag resume`.")


def resume(
    context: typer.Context, reason: ReasonOption = "", by: ByOption = None, config_file: ConfigOption = None
) -> None:
    """Post again, beginning with what waits in the outbox."""
    _switch(context, config_file, is_on=False, by=by, reason=reason)
    console().print("Resumed: what waits in the outbox is posted.")


def _switch(
    context: typer.Context, config_file: ConfigOption, *, is_on: bool, by: str | None, reason: str
) -> None:
    from bot.assembly import open_store
    from state.manners import PAUSE

    store = open_store(configuration(context, config_file).settings)
    try:
        store.switches.set(PAUSE, is_on=is_on, by=by or getpass.getuser(), reason=reason)
    finally:
        store.close()
