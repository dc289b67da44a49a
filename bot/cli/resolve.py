"""`veritag resolve`: what media a post or URL has, or why none can be had."""

from __future__ import annotations

import mimetypes
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from bot.cli.options import ConfigOption, JsonOption, configuration, console, print_json
from bot.errors import ConfigError, ResolveError
from bot.redact import printable

if TYPE_CHECKING:
    from bot.resolver import MediumRef, Resolution, Resolver


def resolve(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="A post, or a direct link to a medium.")],
    as_json: JsonOption = False,
    download: Annotated[
        Path | None, typer.Option("--download", metavar="DIR", help="Fetch the media into this folder.")
    ] = None,
    config_file: ConfigOption = None,
) -> None:
    """Say what media a post or URL has, or why none can be had (exit status 2)."""
    from bot.assembly import build_resolver

    settings = configuration(context, config_file).settings
    with (
        tempfile.TemporaryDirectory(prefix="veritag-") as scratch,
        build_resolver(settings, Path(scratch)) as resolver,
    ):
        try:
            resolution = resolver.resolve(url)
            found = [_medium(ref, resolver, download) for ref in resolution.media]
        except ResolveError as error:
            if not as_json:
                raise
            fault = {"reason": error.reason.value, "message": str(error)}
            print_json({"input": url, "url": None, "route": None, "media": [], "error": fault})
            raise typer.Exit(2) from None
    if as_json:
        place = {"input": url, "url": resolution.canonical_url, "route": resolution.route}
        print_json({**place, "media": found, "error": None})
    else:
        _show(resolution, found)


def _medium(ref: MediumRef, resolver: Resolver, folder: Path | None) -> dict[str, Any]:
    found = asdict(ref)
    if folder is None:
        return found
    stored = resolver.fetch(ref, file_root=None)
    target = folder / f"{stored.sha256}{mimetypes.guess_extension(stored.mime) or ''}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(stored.path, target)
    except OSError as error:
        raise ConfigError(
            f"--download {folder} cannot be written to ({error.strerror}); name another"
        ) from None
    return found | {"file": str(target), "sha256": stored.sha256, "mime": stored.mime, "size": stored.size}


def _show(resolution: Resolution, found: list[dict[str, Any]]) -> None:
    out = console()
    count = f"{len(found)} media" if len(found) != 1 else "1 medium"
    out.print(Text(f"{printable(resolution.canonical_url)}: {count} (found by: {resolution.route})"))
    for number, medium in enumerate(found, 1):
        facts = [medium[name] for name in ("kind", "mime") if medium.get(name)]
        if medium.get("size"):
            facts.append(f"{medium['size']:,} bytes".replace(",", " "))
        out.print(Text(f"  {number}. {printable(medium['url'])}  {', '.join(facts)}"), soft_wrap=True)
        if medium.get("file"):
            out.print(Text(f"     saved as {printable(medium['file'])}"), soft_wrap=True)
        if medium.get("alt_text"):
            out.print(Text(f"     described as: {printable(medium['alt_text'])}"))
