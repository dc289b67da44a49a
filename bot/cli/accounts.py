"""`veritag accounts`: who may use the operators' console."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.helping import Commands
from bot.cli.options import ConfigOption, JsonOption, configuration, console, print_json
from bot.errors import ConfigError

if TYPE_CHECKING:
    from state.store import Store

accounts = Commands(
    name="accounts",
    help="Who may use the operators' console: without accounts, whoever sits at this machine.",
    no_args_is_help=True,
)

ACTOR = "command line"
Name = Annotated[str, typer.Argument(metavar="NAME", help="The operator's name, in whatever case.")]


class RoleChoice(StrEnum):
    """The roles, as `bot.accounts.Role` has them; that module loads argon2."""

    viewer = "viewer"
    reviewer = "reviewer"
    admin = "admin"


RoleOption = Annotated[
    RoleChoice,
    typer.Option(
        "--role", help="viewer: sees; reviewer: labels and answers; admin: also settings and people."
    ),
]


@accounts.command("add")
def add(
    context: typer.Context,
    name: Name,
    role: RoleOption = RoleChoice.reviewer,
    subject: Annotated[
        str | None,
        typer.Option("--subject", help="Signs in elsewhere (OpenID Connect), as this subject; no password."),
    ] = None,
    config_file: ConfigOption = None,
) -> None:
    """Make an account; the password is asked for, or read from standard input where that is no terminal."""
    from bot.accounts import Role
    from bot.people import People

    with open_state(context, config_file) as store:
        password = None if subject else _password()
        People(store, ACTOR).add(name, Role(role), password=password, subject=subject)
    console().print(f"{name} may use the console as {role.value}", soft_wrap=True, markup=False)


@accounts.command("list")
def show(context: typer.Context, as_json: JsonOption = False, config_file: ConfigOption = None) -> None:
    """List every account."""
    with open_state(context, config_file) as store:
        found = [
            {
                "name": each.name,
                "role": each.role,
                "disabled": each.disabled_at is not None,
                "subject": each.subject,
            }
            for each in store.accounts.all()
        ]
    if as_json:
        print_json(found)
        return
    for each in found:
        state = "  (disabled)" if each["disabled"] else ""
        console().print(f"{each['name']:<30} {each['role']}{state}", soft_wrap=True, markup=False)
    if not found:
        console().print("no account: the console answers to this machine alone, without signing in")


@accounts.command("password")
def password(context: typer.Context, name: Name, config_file: ConfigOption = None) -> None:
    """Set another password; every browser is signed out."""
    from bot.people import People

    with open_state(context, config_file) as store:
        People(store, ACTOR).set_password(name, _password())


@accounts.command("role")
def role(context: typer.Context, name: Name, role: RoleOption, config_file: ConfigOption = None) -> None:
    """Give another role."""
    from bot.accounts import Role
    from bot.people import People

    with open_state(context, config_file) as store:
        People(store, ACTOR).set_role(name, Role(role))


@accounts.command("disable")
def disable(context: typer.Context, name: Name, config_file: ConfigOption = None) -> None:
    """Nobody signs in with it any more; what was done with it stays on record."""
    from bot.people import People

    with open_state(context, config_file) as store:
        People(store, ACTOR).disable(name)


@accounts.command("enable")
def enable(context: typer.Context, name: Name, config_file: ConfigOption = None) -> None:
    """It can be used again."""
    from bot.people import People

    with open_state(context, config_file) as store:
        People(store, ACTOR).enable(name)


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")


@contextmanager
def open_state(context: typer.Context, config_file: Path | None) -> Iterator[Store]:
    """The state file; what it says of an unusable name or row becomes a line for people."""
    from bot.assembly import open_store
    from state.errors import StateError

    store = open_store(configuration(context, config_file).settings)
    try:
        yield store
    except StateError as problem:
        raise ConfigError(str(problem)) from None
    finally:
        store.close()
