"""`veritag export`: reviewed media, as a table or as a folder to learn and measure with."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.options import ConfigOption, configuration, console, print_text
from bot.errors import ConfigError


class Form(StrEnum):
    """What is made."""

    csv = "csv"
    jsonl = "jsonl"
    folder = "folder"


class LabelChoice(StrEnum):
    """The labels, as `analysis.ensemble.combine.ReviewLabel` has them; that module loads the ensemble."""

    real = "real"
    fake = "fake"
    manipulated = "manipulated"
    satire = "satire"
    cannot_tell = "cannot_tell"


def export(
    context: typer.Context,
    form: Annotated[
        Form, typer.Argument(help="csv or jsonl: a table; folder: real/ and fake/ with a manifest.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File or folder to write; a table goes to the screen without."),
    ] = None,
    label: Annotated[
        LabelChoice | None, typer.Option("--label", help="Only what was reviewed as this.")
    ] = None,
    platform: Annotated[
        str | None, typer.Option("--platform", help="Only what was first seen there.")
    ] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only image, video or audio.")] = None,
    since: Annotated[
        datetime | None, typer.Option("--since", help="Only reviews from this time on (UTC).")
    ] = None,
    before: Annotated[
        datetime | None, typer.Option("--before", help="Only reviews before this time (UTC).")
    ] = None,
    config_file: ConfigOption = None,
) -> None:
    """Write what operators have reviewed; no handle, text or address of a post is in it."""
    from bot.assembly import open_media, open_store
    from bot.exporting import as_csv, as_jsonl, into_folder
    from state.exports import Wanted

    settings = configuration(context, config_file).settings
    if form is Form.folder and out is None:
        raise ConfigError("a folder needs a name; give it with --out FOLDER")
    wanted = Wanted(label.value if label else None, platform, kind, _utc(since), _utc(before))
    store = open_store(settings)
    try:
        media = store.exports.reviewed(wanted)
        if form is Form.folder and out is not None:
            count = into_folder(media, open_media(settings), out)
            console(stderr=True).print(f"{count} media in {out}", soft_wrap=True)
            return
        lines = as_csv(media) if form is Form.csv else as_jsonl(media)
        if out is None:
            for line in lines:
                print_text(line)
            return
        with out.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
    except OSError as error:
        raise ConfigError(
            f"{out or 'the screen'} cannot be written ({error.strerror}); choose another"
        ) from None
    finally:
        store.close()


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None
