"""`veritag public`: the public pages of verdicts, and taking them down on request."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.helping import Commands
from bot.cli.options import ConfigOption, configuration, console
from bot.cli.pause import ByOption
from bot.errors import ConfigError

if TYPE_CHECKING:
    from bot.config import Settings
    from state.store import Store

public = Commands(
    name="public",
    help="The public pages of verdicts: which there are, taking them down on request.",
    no_args_is_help=True,
)

PageArgument = Annotated[
    str, typer.Argument(metavar="ADDRESS", help="The page's address, or what stands behind /v/ in it.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for other operators.")]
TestOption = Annotated[bool, typer.Option("--test-mode", help="The pages of test mode.")]


@public.command("list")
def list_(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, the newest first.")] = 50,
    test_mode: TestOption = False,
    config_file: ConfigOption = None,
) -> None:
    """List the newest pages."""
    from bot.publishing import address

    with _opened(context, config_file, test_mode=test_mode) as (store, settings):
        out = console()
        for page in store.public_pages.latest(limit):
            state = f"taken down {page.removed_at:%Y-%m-%d}" if page.removed_at else "up"
            where = address(settings.web.public_url or "", page.token)
            out.print(
                f"{page.created_at:%Y-%m-%d}  mention {page.mention_id}  {where}  {state}", soft_wrap=True
            )


@public.command("remove")
def remove(
    context: typer.Context,
    page: PageArgument,
    reason: ReasonOption = "",
    by: ByOption = None,
    test_mode: TestOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Take a page down. Its address then says so; the verdict itself stays in the bot's own records."""
    from bot.publishing import take_down

    _change(context, config_file, take_down, page, by, reason, test_mode=test_mode)
    console().print("Taken down.")


@public.command("restore")
def restore(
    context: typer.Context,
    page: PageArgument,
    reason: ReasonOption = "",
    by: ByOption = None,
    test_mode: TestOption = False,
    config_file: ConfigOption = None,
) -> None:
    """Show a page again that was taken down."""
    from bot.publishing import put_up_again

    _change(context, config_file, put_up_again, page, by, reason, test_mode=test_mode)
    console().print("Up again.")


def _change(
    context: typer.Context,
    config_file: ConfigOption,
    act: Callable[[Store, str, str, str], int],
    page: str,
    by: str | None,
    reason: str,
    *,
    test_mode: bool,
) -> None:
    from bot.publishing import NoSuchPage, token_in
    from state.errors import NotFound

    with _opened(context, config_file, test_mode=test_mode) as (store, _):
        try:
            act(store, by or getpass.getuser(), token_in(page), reason)
        except (NotFound, NoSuchPage) as error:
            raise ConfigError(f"{error}; `veritag public list` names them all") from None


@contextmanager
def _opened(
    context: typer.Context, config_file: ConfigOption, *, test_mode: bool
) -> Iterator[tuple[Store, Settings]]:
    from bot.assembly import open_store

    settings = configuration(context, config_file, {"test_mode": (test_mode or None, "--test-mode")}).settings
    if not (settings.data_dir / "state.sqlite3").is_file():
        raise ConfigError(f"data_dir: nothing has run in {settings.data_dir} yet; `veritag run` makes it")
    store = open_store(settings)
    try:
        yield store, settings
    finally:
        store.close()
