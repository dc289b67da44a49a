"""DASH manifests (ISO/IEC 23009-1) whose representations are whole files: the best picture and its sound."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

from bot.resolver.base import MediumRef
from bot.resolver.encodings import best
from bot.resolver.reading.payload import absolute_url, site_changed

_DURATION = re.compile(r"P(?:(\d{1,4})D)?T(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,7}(?:\.\d+)?)S)?")
_WHOLE = 2**53


def best_of_manifest(manifest: bytes, base_url: str, site: str, max_bytes: int) -> MediumRef:
    """The video of a manifest that was had from ``base_url``, its sound (where it has any) in ``audio``.

    Raises:
        ResolveError: SITE_CHANGED if it is no such manifest, TOO_LARGE if no video fits ``max_bytes``.
    """
    try:
        root = ET.fromstring(manifest, ET.XMLParser(target=_Tree()))  # noqa: S314 - see `_Tree`
    except _HasDoctype:
        raise site_changed(site, "its DASH manifest declares a document type") from None
    except (ET.ParseError, ValueError, LookupError):  # the latter two: charsets that it names
        raise site_changed(site, "its DASH manifest is no XML") from None
    duration = _seconds(root.get("mediaPresentationDuration"))
    found = list(_representations(root, base_url, duration))
    videos = [choice for choice in found if choice.kind == "video"]
    sounds = [choice for choice in found if choice.kind == "audio"]
    if not videos:
        raise site_changed(site, "its DASH manifest has no video file")
    return replace(best(videos, max_bytes), audio=best(sounds, max_bytes) if sounds else None)


class _HasDoctype(Exception):
    pass


class _Tree(ET.TreeBuilder):
    """Takes no document type: a manifest needs none, and without one there are no entities to expand."""

    def doctype(self, *declared: str | None) -> None:
        """What the parser says on `<!DOCTYPE`, before it reads any declaration."""
        raise _HasDoctype(declared)


def _representations(root: ET.Element, base_url: str, duration: float | None) -> Iterator[MediumRef]:
    """Every representation that is one file. BaseURL elements of the levels above are prefixes of its own."""
    base = urljoin(base_url, _base(root))
    for period in root.iterfind("{*}Period"):
        period_base = urljoin(base, _base(period))
        for group in period.iterfind("{*}AdaptationSet"):
            group_base = urljoin(period_base, _base(group))
            for each in group.iterfind("{*}Representation"):
                own = _base(each)
                url = absolute_url(urljoin(group_base, own)) if own else None
                kind = _kind(each, group)
                if url is None or kind is None:
                    continue
                yield MediumRef(
                    url,
                    kind=kind,
                    mime=each.get("mimeType") or group.get("mimeType") or f"{kind}/mp4",
                    width=_whole(each.get("width") or group.get("width")),
                    height=_whole(each.get("height") or group.get("height")),
                    bit_rate=_whole(each.get("bandwidth")),
                    duration=duration,
                )


def _kind(each: ET.Element, group: ET.Element) -> str | None:
    """Video or audio, by the type, or the id where a site writes it there (`video_720`)."""
    names = (each.get("mimeType"), group.get("mimeType"), group.get("contentType"), each.get("id"))
    words = [re.split(r"[/_-]", (name or "").lower())[0] for name in names]
    return next((word for word in words if word in {"video", "audio"}), None)


def _base(element: ET.Element) -> str:
    return (element.findtext("{*}BaseURL") or "").strip()


def _whole(text: str | None) -> int | None:
    return min(int(text[:18]), _WHOLE) or None if text and text.isascii() and text.isdigit() else None


def _seconds(text: str | None) -> float | None:
    match = _DURATION.fullmatch(text or "")
    if match is None:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds or None
