"""`veritag resolve`: what media a post or URL has, or why none can be had."""

from __future__ import annotations

import mimetypes
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from bot.cli.options import ConfigOption, JsonOption, configuration, console, print_json
from bot.errors import ConfigError, ResolveError
from bot.redact import printable

if TYPE_CHECKING:
    from bot.config import Settings
    from bot.resolver import Attempt, MediumRef, Resolution, Resolver
    from bot.resolver.recording import Recorder


def resolve(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="A post, or a direct link to a medium.")],
    as_json: JsonOption = False,
    download: Annotated[
        Path | None, typer.Option("--download", metavar="DIR", help="Fetch the media into this folder.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show each route that is tried, what came of it, and its time.")
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option("--record", metavar="FILE", help="Write what is answered to a file, without names."),
    ] = None,
    config_file: ConfigOption = None,
) -> None:
    """Say what media a post or URL has, or why none can be had (exit status 2)."""
    from bot.assembly import build_resolver
    from bot.resolver.shown import attempt_json, error_json, resolution_json

    settings = configuration(context, config_file).settings
    attempts: list[Attempt] = []
    recorded: list[Recorder] | None = None if record is None else []
    with (
        tempfile.TemporaryDirectory(prefix="veritag-") as scratch,
        build_resolver(settings, Path(scratch), on_progress=_tell_progress(), recorded=recorded) as resolver,
        _recording(record, recorded, url, settings),
    ):
        try:
            resolution = resolver.resolve(url, attempts.append)
            found = [_medium(ref, resolver, download) for ref in resolution.media]
        except ResolveError as error:
            if not as_json:
                _show_attempts(attempts if explain else [])
                raise
            nothing = {"url": None, "site": None, "route": None, "author": None, "posted_at": None}
            found, place = [], nothing
            fault: dict[str, Any] | None = error_json(error)
        else:
            place, fault = resolution_json(resolution), None
    if as_json:
        tried = {"attempts": [attempt_json(attempt) for attempt in attempts]} if explain else {}
        print_json({"input": url, **place, "media": found, "error": fault, **tried})
    else:
        _show_attempts(attempts if explain else [])
        _show(resolution, found)
    if fault is not None:
        raise typer.Exit(2)


@contextmanager
def _recording(
    path: Path | None, recorded: list[Recorder] | None, url: str, settings: Settings
) -> Iterator[None]:
    """Write the fixture in the end, also of what could not be resolved."""
    try:
        yield
    finally:
        if path is not None and recorded:
            from bot.cli.recording import write_fixture

            console(stderr=True).print(write_fixture(recorded[0], url, path, settings), soft_wrap=True)


def _tell_progress() -> Callable[[str, int], None] | None:
    """What tells of a long download, where somebody looks at it."""
    err = console(stderr=True)
    if not err.is_terminal:
        return None

    def tell(url: str, count: int) -> None:
        del url
        err.print(f"{count / 1e6:.1f} MB are here", end="\r")

    return tell


def _medium(ref: MediumRef, resolver: Resolver, folder: Path | None) -> dict[str, Any]:
    from bot.resolver.shown import medium_json

    found = medium_json(ref)
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


def _show_attempts(attempts: list[Attempt]) -> None:
    out = console()
    for each in attempts:
        line = f"{each.site}/{each.route}: {each.outcome} after {each.seconds:.2f} s: {each.detail}"
        out.print(Text(printable(line)), soft_wrap=True)


def _show(resolution: Resolution, found: list[dict[str, Any]]) -> None:
    out = console()
    count = f"{len(found)} media" if len(found) != 1 else "1 medium"
    out.print(
        Text(
            f"{printable(resolution.canonical_url)}: {count} (found by: {resolution.site}/{resolution.route})"
        )
    )
    if resolution.author or resolution.posted_at:
        when = f"{resolution.posted_at:%Y-%m-%d %H:%M %Z}" if resolution.posted_at else ""
        out.print(Text(printable(" ".join(filter(None, ["posted by", resolution.author, when])))))
    for number, medium in enumerate(found, 1):
        facts = [medium[name] for name in ("kind", "mime") if medium.get(name)]
        if medium.get("size"):
            facts.append(f"{medium['size']:,} bytes".replace(",", " "))
        out.print(Text(f"  {number}. {printable(medium['url'])}  {', '.join(facts)}"), soft_wrap=True)
        if medium.get("file"):
            out.print(Text(f"     saved as {printable(medium['file'])}"), soft_wrap=True)
        if medium.get("alt_text"):
            out.print(Text(f"     described as: {printable(medium['alt_text'])}"))
