"""`veritag api-keys`: who may read from `/api/v1`."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.accounts import ACTOR, open_state
from bot.cli.helping import Commands
from bot.cli.options import ConfigOption, JsonOption, console, print_json

api_keys = Commands(
    name="api-keys", help="Keys of programs that read from the service, under /api/v1.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="What the key is called, such as the program.")]


@api_keys.command("add")
def add(context: typer.Context, name: Name, config_file: ConfigOption = None) -> None:
    """Make a key. It is shown once, here, and nowhere kept."""
    from bot.people import People

    with open_state(context, config_file) as store:
        key = People(store, ACTOR).add_key(name)
    console().print(key, soft_wrap=True, markup=False)


@api_keys.command("list")
def show(context: typer.Context, as_json: JsonOption = False, config_file: ConfigOption = None) -> None:
    """List the keys: when they were made and last used, never the keys themselves."""
    with open_state(context, config_file) as store:
        found = [
            {
                "name": key.name,
                "created_at": key.created_at.isoformat(),
                "used_at": key.used_at.isoformat() if key.used_at else None,
                "disabled": key.disabled_at is not None,
            }
            for key in store.api_keys.all()
        ]
    if as_json:
        print_json(found)
        return
    for each in found:
        state = "disabled" if each["disabled"] else f"last used {each['used_at'] or 'never'}"
        console().print(f"{each['name']:<30} {state}", soft_wrap=True, markup=False)


@api_keys.command("disable")
def disable(context: typer.Context, name: Name, config_file: ConfigOption = None) -> None:
    """Refuse a key from now on."""
    from bot.people import People

    with open_state(context, config_file) as store:
        People(store, ACTOR).disable_key(name)
