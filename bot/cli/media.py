"""`veritag media`: what is kept of strangers' files, making room, and deleting on request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal

from bot.cli.helping import Commands
from bot.cli.options import ConfigOption, JsonOption, configuration, console, print_json
from bot.errors import ConfigError

if TYPE_CHECKING:
    from bot.keeping import Keeper, Swept

media = Commands(
    name="media",
    help="The media on this machine: how much there is, making room, deleting on request.",
    no_args_is_help=True,
)


@media.command("usage")
def usage(context: typer.Context, as_json: JsonOption = False, config_file: ConfigOption = None) -> None:
    """Say how many files are kept and how much of the quota they take."""
    with _keeper(context, config_file) as keeper:
        _show(keeper.usage(), keeper, as_json=as_json)


@media.command("sweep")
def sweep(context: typer.Context, as_json: JsonOption = False, config_file: ConfigOption = None) -> None:
    """Remove what is past its time or over the quota now, as the service does by itself."""
    with _keeper(context, config_file) as keeper:
        _show(keeper.sweep(), keeper, as_json=as_json)


@media.command("delete")
def delete(
    context: typer.Context,
    digests: Annotated[list[str], typer.Argument(metavar="SHA256...", help="The media, by their SHA-256.")],
    config_file: ConfigOption = None,
) -> None:
    """Delete media on request. Analyses stay; exit status 2 if one of the files was not there."""
    missing = []
    with _keeper(context, config_file) as keeper:
        for digest in digests:
            try:
                gone = keeper.delete(digest.lower())
            except ValueError as error:
                raise ConfigError(str(error)) from None
            if gone:
                console().print(f"deleted {digest.lower()}", soft_wrap=True)
            else:
                missing.append(digest.lower())
    if missing:
        raise ConfigError(f"no such medium is kept: {', '.join(missing)}")


@contextmanager
def _keeper(context: typer.Context, config_file: ConfigOption) -> Iterator[Keeper]:
    from bot.assembly import build_keeper, open_media, open_store

    settings = configuration(context, config_file).settings
    if not (settings.data_dir / "state.sqlite3").is_file():
        raise ConfigError(f"data_dir: nothing has run in {settings.data_dir} yet; `veritag run` makes it")
    store = open_store(settings)
    try:
        files = open_media(settings)
        try:
            yield build_keeper(settings, store, files)
        finally:
            files.close()
    finally:
        store.close()


def _show(swept: Swept, keeper: Keeper, *, as_json: bool) -> None:
    if as_json:
        numbers = {"files": swept.files, "bytes": swept.size, "quota": keeper.quota}
        print_json(numbers | {"removed": swept.removed, "freed": swept.freed})
        return
    out = console()
    if swept.removed:
        out.print(f"removed {swept.removed} files, {decimal(swept.freed)}")
    out.print(f"{swept.files} files, {decimal(swept.size)} of {decimal(keeper.quota)}")
