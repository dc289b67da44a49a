"""The commands, put together. Importing this module imports no engine, no network client and no settings."""

from __future__ import annotations

from importlib import metadata
from typing import Annotated

import typer

from bot.cli.accounts import accounts
from bot.cli.api_keys import api_keys
from bot.cli.authorize import authorize
from bot.cli.bench import bench
from bot.cli.calibrate import calibrate
from bot.cli.check import check
from bot.cli.config import config
from bot.cli.detectors import detectors
from bot.cli.evaluate import evaluate
from bot.cli.export import export
from bot.cli.generate import generate
from bot.cli.helping import Commands
from bot.cli.media import media
from bot.cli.options import ConfigOption, Invocation, print_text
from bot.cli.pause import pause, resume
from bot.cli.public import public
from bot.cli.replies import replies
from bot.cli.resolve import resolve
from bot.cli.review import review
from bot.cli.run import run
from bot.cli.serve import serve
from bot.cli.standin import stand_in
from bot.cli.status import status
from bot.cli.train import train
from bot.cli.weights import weights

app = Commands(
    name="veritag",
    help="Says, in plain words, whether media show signs of being generated or manipulated.",
    add_completion=False,
    no_args_is_help=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    check,
    run,
    serve,
    status,
    pause,
    resume,
    review,
    resolve,
    detectors,
    replies,
    config,
    calibrate,
    train,
    generate,
    evaluate,
    export,
    bench,
    authorize,
    stand_in,
):
    app.command()(command)
app.add_typer(accounts)
app.add_typer(api_keys)
app.add_typer(media)
app.add_typer(public)
app.add_typer(weights)


def version() -> str:
    """The installed version."""
    try:
        return metadata.version("veritag")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _show_version(wanted: bool) -> None:
    if wanted:
        print_text(f"veritag {version()}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    config_file: ConfigOption = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Log everything, and show where errors arise.")
    ] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Says, in plain words, whether media show signs of being generated or manipulated."""
    context.obj = Invocation(config=config_file, debug=debug or context.obj is True)
    if context.invoked_subcommand is None:
        print_text(context.get_help() + "\n")
