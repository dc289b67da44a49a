"""`veritag config`: the effective configuration, and the pages that are made from its model."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from bot.cli.options import ConfigOption, JsonOption, configuration, console, print_text
from bot.redact import printable


def config(
    context: typer.Context,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page that documents each.")] = False,
    toml: Annotated[
        bool, typer.Option("--toml", help="Print a file with all of them at their default.")
    ] = False,
) -> None:
    """Show every setting, its value, and where that is from. Secrets are masked."""
    from bot.config import show

    if as_json + markdown + toml > 1:
        raise typer.BadParameter("--json, --markdown and --toml exclude each other")
    if markdown or toml:
        print_text(show.as_markdown() if markdown else show.example_toml())
        return
    loaded = configuration(context, config_file)
    if as_json:
        print_text(show.as_json(loaded) + "\n")
        return
    table = Table("setting", "value", "from", box=None, pad_edge=False)
    for name, value, origin in show.rows(loaded):
        style = "dim" if origin == "default" else "bold"
        shown = "not set" if value is None else printable(show.toml_value(value))
        table.add_row(*(Text(cell, style) for cell in (name, shown, printable(origin))))
    console().print(table)
