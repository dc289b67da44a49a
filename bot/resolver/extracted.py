"""What yt-dlp's description of a page (its info.json) means: media, author, time, or the reason why none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Access, Download, MediumRef, Resolution
from bot.resolver.encodings import best
from bot.resolver.urls import Place, in_public

MAX_ENTRIES = 20
# What yt-dlp itself fetches without the help of another program.
_PROTOCOLS = frozenset({"http", "https", "http_dash_segments", "m3u8_native", "m3u8"})
_LIVE = frozenset({"is_live", "is_upcoming", "post_live"})
_NONE = frozenset({None, "", "none"})
_PICTURES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
Json = Mapping[str, Any]


def yt_dlp_route(place: Place, access: Access) -> Resolution:
    """The route `yt_dlp` of every site."""
    assert access.extractor is not None
    return resolution_of(place.url, access.extractor.extract(place.url), access.fetcher.limits.max_bytes)


def resolution_of(url: str, info: Json, max_bytes: int) -> Resolution:
    """The media that an info.json describes, each in the best formats that fit into ``max_bytes``.

    Raises:
        ResolveError: LIVE_STREAM, TOO_LARGE, or NO_MEDIA.
    """
    entries = list(_entries(info))
    media = tuple(_medium(url, number, entry, max_bytes) for number, entry in entries)
    if not media:
        raise ResolveError(ResolveFailure.NO_MEDIA, f"yt-dlp finds nothing at {in_public(url)}")
    first = entries[0][1]
    return Resolution(
        _text(first, "webpage_url") or url if len(media) == 1 else _text(info, "webpage_url") or url,
        media,
        author=_handle(first),
        posted_at=_moment(first),
    )


def _entries(info: Json) -> Iterator[tuple[int, Json]]:
    """The single videos with their numbers in the list that yt-dlp counts from 1; 0 where it is no list."""
    if info.get("_type") not in {"playlist", "multi_video"}:
        yield 0, info
        return
    for number, entry in enumerate((info.get("entries") or [])[:MAX_ENTRIES], 1):
        if isinstance(entry, Mapping):
            yield number, entry


def _medium(url: str, number: int, entry: Json, max_bytes: int) -> MediumRef:
    if entry.get("live_status") in _LIVE or entry.get("is_live"):
        raise ResolveError(ResolveFailure.LIVE_STREAM, f"{in_public(url)} is a live stream that goes on")
    formats = [each for each in entry.get("formats") or [entry] if _can_be_fetched(each)]
    video = [each for each in formats if each.get("vcodec") not in _NONE or _unsaid(each)]
    sound = [each for each in formats if each.get("acodec") not in _NONE and each not in video]
    if not video and not sound:
        raise ResolveError(
            ResolveFailure.NO_MEDIA, f"yt-dlp finds no file that it can fetch at {in_public(url)}"
        )
    duration = _number(entry, "duration")
    chosen = best([_encoding(url, each, duration) for each in video or sound], max_bytes)
    assert chosen.download is not None
    picture = chosen.download.selection
    ids, audio = [picture], None
    silent = video and next(each for each in video if each["format_id"] == picture).get("acodec") == "none"
    if silent and sound:
        audio = best([_encoding(url, each, duration) for each in sound], max_bytes)
        ids.append(audio.download.selection if audio.download else None)
    return MediumRef(
        # One page may have several media: each has a name of its own, which no server ever sees.
        f"{url.partition('#')[0]}#{number}" if number else url,
        chosen.kind,
        chosen.mime,
        width=chosen.width,
        height=chosen.height,
        duration=duration,
        size=chosen.size,
        bit_rate=chosen.bit_rate,
        audio=audio,
        thumbnail=_text(entry, "thumbnail"),
        download=Download(url, selection=f"{number}:{','.join(filter(None, ids))}"),
    )


def _can_be_fetched(each: Json) -> bool:
    simple = str(each.get("protocol") or "https") in _PROTOCOLS
    return simple and isinstance(each.get("format_id"), str) and not each.get("has_drm")


def _unsaid(each: Json) -> bool:
    """Whether a format keeps quiet about its codecs: then it is taken for a whole file."""
    return each.get("vcodec") is None and each.get("acodec") in _NONE


def _encoding(url: str, each: Json, duration: float | None) -> MediumRef:
    only_sound = each.get("vcodec") == "none" and each.get("acodec") not in _NONE
    extension = str(each.get("ext") or "")
    kind = "audio" if only_sound else "image" if extension in _PICTURES else "video"
    size = _number(each, "filesize") or _number(each, "filesize_approx")
    rate = _number(each, "tbr") or _number(each, "abr" if only_sound else "vbr")
    width, height = _number(each, "width"), _number(each, "height")
    return MediumRef(
        url,
        kind,
        _PICTURES.get(extension) or (f"{kind}/{extension}" if extension.isalnum() else None),
        width=int(width) if width else None,
        height=int(height) if height else None,
        duration=duration,
        size=int(size) if size else None,
        bit_rate=int(rate * 1000) if rate else None,
        download=Download(selection=each["format_id"]),
    )


def _number(source: Json, name: str) -> float | None:
    value = source.get(name)
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if plain and 0 < value < 1e15 else None  # type: ignore[operator, arg-type]


def _text(source: Json, name: str) -> str | None:
    value = source.get(name)
    return value if isinstance(value, str) and value else None


def _handle(entry: Json) -> str | None:
    handle = _text(entry, "uploader_id") or _text(entry, "uploader") or _text(entry, "channel")
    return handle.removeprefix("@") if handle else None


def _moment(entry: Json) -> datetime | None:
    seconds = _number(entry, "timestamp")
    return datetime.fromtimestamp(seconds, UTC) if seconds and seconds < 4e9 else None
