"""`veritag review`: a person's word on a medium, and the corrections that follow."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from analysis.ensemble.combine import ReviewLabel
from bot.cli.options import ConfigOption, configuration, console
from bot.errors import ConfigError


def review(
    context: typer.Context,
    medium: Annotated[
        str, typer.Argument(metavar="FILE_OR_SHA256", help="The medium: its file, or its SHA-256.")
    ],
    label: Annotated[ReviewLabel, typer.Option("--label", help="What you found.")],
    note: Annotated[str, typer.Option("--note", help="Why, for other operators.")] = "",
    reviewer: Annotated[
        str | None, typer.Option("--reviewer", help="Who you are (default: user name).")
    ] = None,
    test_mode: Annotated[bool, typer.Option("--test-mode", help="Correct what test mode answered.")] = False,
    config_file: ConfigOption = None,
) -> None:
    """Say what a medium is. Everyone who was told another band gets a correction."""
    from bot import reviews
    from bot.assembly import build_platforms, open_store
    from bot.parts import build_writer
    from state.errors import NotFound

    loaded = configuration(context, config_file, {"test_mode": (test_mode or None, "--test-mode")})
    settings = loaded.settings
    rules = {platform.name: platform.text_rules for platform in build_platforms(settings)}
    store = open_store(settings)
    sha256 = _sha256(medium)
    try:
        corrections = reviews.review(
            store,
            build_writer(settings, store),
            rules,
            sha256,
            label,
            note=note,
            reviewer=reviewer or getpass.getuser(),
        )
        copies = list(store.likenesses.relatives(sha256))
    except NotFound as error:
        raise ConfigError(f"{error}; give a file or SHA-256 that the bot was asked about") from error
    finally:
        store.close()
    out = console()
    out.print(f"Noted: {label}.")
    for each in corrections:
        asker = each.mention.asker_handle
        out.print(f"A correction to @{asker} is queued: {each.before} becomes {each.after}.", soft_wrap=True)
    if not corrections:
        out.print("No answer changes.")
    for copy in copies:
        out.print(f"A copy that looks the same keeps its own answer; review it, too: {copy}", soft_wrap=True)


def _sha256(medium: str) -> str:
    import hashlib

    path = Path(medium)
    if not path.is_file():
        return medium.lower()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
