"""`--help` for people: flags take no value, and values are named by words instead of Python's types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

_WORDS = {
    "<bool>": "",
    "<str>": "TEXT",
    "<path>": "FILE",
    "<int>": "N",
    "<int range>": "N",
    "<float>": "X",
}


Function = TypeVar("Function", bound=Callable[..., Any])


class Command(TyperCommand):
    """A command whose help says what each option takes."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        _name_values(self, ctx)
        super().format_help(ctx, formatter)


class Group(TyperGroup):
    """A group of commands whose help says what each option takes."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        _name_values(self, ctx)
        super().format_help(ctx, formatter)


class Commands(typer.Typer):
    """A collection of such commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(cls=Group, **options)

    def command(self, name: str | None = None, **options: Any) -> Callable[[Function], Function]:
        """As `typer.Typer.command`."""
        return super().command(name, cls=Command, **options)


def _name_values(command: Command | Group, ctx: Any) -> None:
    for param in command.get_params(ctx):
        if isinstance(param, TyperOption) and param.metavar is None:
            param.metavar = _WORDS.get(param.display_type(ctx))
