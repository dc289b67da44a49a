"""Facebook: what it shows without logging in (the post's page, the frame for embedding), yt-dlp, and paid.

Pages keep their data in scripts (`data-sjs`), under names that have been stable for years while their places
have not: they are looked for wherever they stand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote, urlencode

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Access, MediumRef, Resolution
from bot.resolver.encodings import best
from bot.resolver.reading.asking import ask_json, ask_page, status_and_json
from bot.resolver.reading.forms import SiteByForms, url_form
from bot.resolver.reading.markup import Page
from bot.resolver.reading.payload import Payload, absolute_url, parse_json, site_changed
from bot.resolver.urls import Place, in_public

_WEB = "https://www.facebook.com"
_VETRIC = "https://api.vetric.io/facebook/v1"
_SITE = "Facebook"
_VIDEO_KEYS = (
    ("playable_url_quality_hd", "hd"),
    ("browser_native_hd_url", "hd"),
    ("hd_playable_url", "hd"),
    ("playable_url", "sd"),
    ("browser_native_sd_url", "sd"),
)
_PHOTO_KEYS = ("viewer_image", "photo_image", "imageHigh", "image", "full_image")
_FRAME_VIDEO = re.compile(r'"?\b([hs]d)_src(?:_no_ratelimit)?"?\s*:\s*("(?:[^"\\]|\\.)*")')
_NOT_SHOWN = (
    "This content isn't available",
    "This Page Isn't Available",
    "Page Not Found",
    "no longer available",
)


def read_page(page: Page, identity: str | None, canonical_url: str, max_bytes: int) -> Resolution:
    """A page's video or photo with this id; without one, what is attached to the page's first post."""
    for script in page.scripts("application/json"):
        if '"Video"' not in script and '"Photo"' not in script:
            continue
        payload = parse_json(_SITE, script)
        if identity is not None:
            media = _nodes(payload, max_bytes)
            if identity in media:
                return Resolution(canonical_url, (media[identity],))
            continue
        for attachments in payload.anywhere("attachments"):
            media = _nodes(attachments, max_bytes)
            if media:
                return Resolution(canonical_url, tuple(media.values()))
    raise _without_data(page)


def read_frame(page: Page, canonical_url: str, max_bytes: int) -> Resolution:
    """The frame for embedding a video (`plugins/video.php`)."""
    found = [each for script in page.scripts() for each in _FRAME_VIDEO.findall(script)]
    choices = [(absolute_url(_unquoted(quoted)), quality) for quality, quoted in found]
    if not any(url for url, _ in choices):
        raise _without_data(page)
    return Resolution(canonical_url, (best(_videos(choices), max_bytes),))


def read_vetric(node: Payload, max_bytes: int) -> MediumRef:
    """A media node of the paid service."""
    if node.maybe_text("__typename") != "Video":
        return _photo(node, max_bytes) or _missing(node)
    milliseconds = node.maybe_whole("playable_duration_in_ms")
    choices = [
        MediumRef(
            url,
            "video",
            duration=milliseconds / 1000 if milliseconds else None,
            bit_rate=node.maybe_whole(rate),
            width=node.maybe_whole("width"),
            height=node.maybe_whole("height"),
        )
        for key, rate in (("hd_playable_url", "hdBitrate"), ("playable_url", "bitrate"))
        if (url := node.maybe_url(key))
    ]
    return best(choices, max_bytes) if choices else _missing(node)


def _nodes(payload: Payload, max_bytes: int) -> dict[str, MediumRef]:
    """Every video and photo of a script's data by its id, as it is first told."""
    media: dict[str, MediumRef] = {}
    for key in ("media", "video", "currMedia", "node", "playback_video"):
        for node in payload.anywhere(key):
            node_id = node.maybe_text("id") or node.maybe_text("videoId")
            kind = node.maybe_text("__typename")
            if node_id is None or node_id in media or kind not in {"Video", "Photo"}:
                continue
            medium = (_video if kind == "Video" else _photo)(node, max_bytes)
            if medium is not None:
                media[node_id] = medium
    return media


def _video(node: Payload, max_bytes: int) -> MediumRef | None:
    fields = node.find("videoDeliveryLegacyFields") or node
    found = [(fields.maybe_url(key), quality) for key, quality in _VIDEO_KEYS]
    for each in node.anywhere("progressive_urls"):
        found += [
            (one.maybe_url("progressive_url"), (one.maybe_text("metadata", "quality") or "sd").lower())
            for one in each.items()
        ]
    choices = _videos(found)
    if not choices:
        return None
    milliseconds = node.maybe_whole("playable_duration_in_ms")
    return replace(
        best(choices, max_bytes),
        duration=milliseconds / 1000 if milliseconds else None,
        thumbnail=node.maybe_url("preferred_thumbnail", "image", "uri"),
    )


def _videos(found: Sequence[tuple[str | None, str]]) -> list[MediumRef]:
    """Files by URL and quality, those in "hd" first: of none, more is known."""
    ordered = sorted(found, key=lambda each: each[1] != "hd")
    return [MediumRef(url, "video", "video/mp4") for url, _ in ordered if url]


def _photo(node: Payload, max_bytes: int) -> MediumRef | None:
    """The largest of the sizes in which a photo is named."""
    alt_text = node.maybe_text("accessibility_caption")
    choices = [
        MediumRef(url, "image", None, alt_text, *node.maybe_size(key))
        for key in _PHOTO_KEYS
        if (url := node.maybe_url(key, "uri"))
    ]
    return best(choices, max_bytes) if choices else None


def _missing(node: Payload) -> MediumRef:
    raise site_changed(node.site, f"no file in {node.path or 'the node'}")


def _unquoted(text: str) -> str | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, str) else None


def _without_data(page: Page) -> ResolveError:
    texts = " ".join(element.text for element in page.tags("title", "h2", "span", "div"))[:20_000]
    if any(sign in texts for sign in _NOT_SHOWN):
        return ResolveError(ResolveFailure.GONE, "the Facebook post is gone, or not shown to visitors")
    if any(element.attributes.get("id") == "login_form" for element in page.tags("form")):
        return ResolveError(ResolveFailure.LOGIN_NEEDED, "Facebook shows the post to logged-in people only")
    return site_changed(_SITE, "neither a video nor a photo in its page")


def _canonical(place: Place, parts: dict[str, str]) -> str:
    if "photo" in parts or "fbid" in parts:
        return f"{_WEB}/photo/?fbid={parts.get('photo') or parts['fbid']}"
    video = parts.get("video") or parts.get("v")
    if video:
        return f"{_WEB}/watch/?v={video}"
    kept = {name: value for name, value in place.query.items() if name in {"story_fbid", "id"}}
    return f"{_WEB}{place.path}{f'?{urlencode(kept)}' if kept else ''}"


def _identity(parts: dict[str, str]) -> str | None:
    return parts.get("video") or parts.get("v") or parts.get("photo") or parts.get("fbid")


def _page(place: Place, access: Access) -> Resolution:
    parts = SITE.parts(place)
    canonical = _canonical(place, parts)
    limit = access.fetcher.limits.max_bytes
    return read_page(ask_page(access, canonical), _identity(parts), canonical, limit)


def _frame(place: Place, access: Access) -> Resolution:
    parts = SITE.parts(place)
    if "video" not in parts and "v" not in parts:
        raise ResolveError(
            ResolveFailure.UNSUPPORTED, "Facebook's frame for embedding is read for videos only"
        )
    canonical = _canonical(place, parts)
    query = urlencode({"href": canonical})
    frame = ask_page(access, f"{_WEB}/plugins/video.php?{query}")
    return read_frame(frame, canonical, access.fetcher.limits.max_bytes)


def _vetric(place: Place, access: Access) -> Resolution:
    parts = SITE.parts(place)
    canonical = _canonical(place, parts)
    key = {"x-api-key": access.key("vetric_facebook_token"), "x-updated-client-v12-3": "true"}
    node_id, kind = _identity(parts), "Video"
    if node_id is None:
        where = ask_json(access, "vetric", f"{_VETRIC}/url-resolver?{urlencode({'url': canonical})}", key)
        resolver = where.at("data", "urlResolver")
        node_id, kind = resolver.text("id"), resolver.text("__typename")
    quoted = quote(node_id, safe="")
    limit = access.fetcher.limits.max_bytes
    if kind in {"Video", "Photo"}:
        url = f"{_VETRIC}/posts/media/{quoted}?transform=false"
        status, payload = status_and_json(access.fetcher.post(url, b"", headers=key), "vetric")
        if status != 200:
            raise site_changed("vetric", f"HTTP {status}")
        nodes = payload.at("data").must_have_items("nodes")
    elif kind == "Story":
        payload = ask_json(access, "vetric", f"{_VETRIC}/posts/node?node_id={quoted}&transform=false", key)
        attachments = payload.at("data", "node").must_have_items("attachments")
        nodes = [media for each in attachments if (media := each.find("media")) is not None]
    else:
        detail = f"{in_public(canonical)} is a Facebook {kind[:40]}, not a post"
        raise ResolveError(ResolveFailure.NO_MEDIA, detail)
    return Resolution(canonical, tuple(read_vetric(node, limit) for node in nodes))


_NAME = r"[^/?#]{1,120}"
_NUMBER = r"\d{5,25}"
SITE = SiteByForms(
    "a post, photo or video of Facebook",
    (
        url_form(r"/photo(?:\.php)?", fbid=_NUMBER),
        url_form(r"/(?:watch(?:/live)?|video\.php|video/video\.php)", v=_NUMBER),
        url_form(rf"/reel/(?P<video>{_NUMBER})"),
        url_form(rf"/{_NAME}/videos/(?:[^/]+/)?(?P<video>{_NUMBER})"),
        url_form(rf"/{_NAME}/photos/(?:[^/]+/)?(?P<photo>{_NUMBER})"),
        url_form(rf"/groups/{_NAME}/(?:posts|permalink)/(?P<post>[\w.-]{{5,120}})"),
        url_form(rf"/{_NAME}/posts/(?:[^/]+/)?(?P<post>[\w.-]{{5,120}})"),
        url_form(r"/(?:permalink|story)\.php", story_fbid=r"\w{5,120}"),
    ),
    {"page": _page, "embed": _frame, "vetric": _vetric},
)
