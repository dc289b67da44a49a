"""Bringing the bytes of one medium here: by the fetcher or by yt-dlp, sound joined with its pictures."""

from __future__ import annotations

from pathlib import Path

import structlog

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Download, Extractor, Fetcher, MediumRef
from bot.resolver.urls import in_public

log = structlog.get_logger(__name__)


def bring(medium: MediumRef, folder: Path, fetcher: Fetcher, extractor: Extractor | None) -> Path:
    """Fetch a medium into an empty folder; the file that it is in the end.

    Raises:
        ResolveError: it cannot be had; TOO_LONG before a byte is fetched where its site says so itself.
    """
    longest = fetcher.limits.max_duration
    if medium.duration is not None and medium.duration > longest:
        detail = f"{in_public(medium.url)} runs {medium.duration:.0f} s; the limit is {longest:.0f} s"
        raise ResolveError(ResolveFailure.TOO_LONG, detail)
    way = medium.download or Download()
    if way.selection is None:
        parts = _by_fetcher(medium, folder, fetcher)
    elif extractor is None:
        raise ResolveError(ResolveFailure.UNSUPPORTED, "only yt-dlp can fetch this, and it is switched off")
    else:
        parts = extractor.download(way.url or medium.url, way.selection, folder)
    if len(parts) < 2:
        return parts[0]
    return _joined(parts[0], parts[1], folder / "joined", medium, fetcher.limits.max_bytes)


def _by_fetcher(medium: MediumRef, folder: Path, fetcher: Fetcher) -> tuple[Path, ...]:
    pictures = _fetched(medium, folder / "medium", fetcher)
    if medium.audio is None:
        return (pictures,)
    try:
        return pictures, _fetched(medium.audio, folder / "sound", fetcher)
    except ResolveError as error:
        if error.passing:
            raise
        # Some sites name a sound track that a silent video does not have.
        log.info("sound_not_had", url=in_public(medium.audio.url), reason=error.reason.value)
        return (pictures,)


def _fetched(medium: MediumRef, into: Path, fetcher: Fetcher) -> Path:
    way = medium.download or Download()
    return fetcher.download(way.url or medium.url, into, headers=way.headers).path


def _joined(pictures: Path, sound: Path, into: Path, medium: MediumRef, max_bytes: int) -> Path:
    from bot.resolver.merging import MergeFailed, merge

    try:
        merge(pictures, sound, into, max_bytes=max_bytes)
    except MergeFailed as failure:
        log.warning("sound_not_joined", url=in_public(medium.url), detail=str(failure))
        return pictures
    return into
