"""Instagram: what it shows without logging in (the page for embedding, the post's), yt-dlp, a paid service.

The page for embedding leaves out videos with licensed music; the post's own page has them, where it does not
ask to log in. `oembed` knows only a reduced still, so it is asked last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote, urlencode

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Access, MediumRef, Resolution
from bot.resolver.encodings import best
from bot.resolver.reading.asking import ask_json, ask_page
from bot.resolver.reading.forms import SiteByForms, url_form
from bot.resolver.reading.markup import Page
from bot.resolver.reading.payload import Payload, parse_json, site_changed
from bot.resolver.urls import Place

_WEB = "https://www.instagram.com"
_VETRIC = "https://api.vetric.io/instagram/v1"
_SITE = "Instagram"
_CONTEXT = re.compile(r'"contextJSON"\s*:\s*("(?:[^"\\]|\\.)*")')
_BROKEN = ("EmbedIsBroken", "EmbedBrokenMedia")


def read_embed(page: Page, code: str, max_bytes: int) -> Resolution:
    """The page for embedding (`/p/.../embed/captioned/`)."""
    context = next((found[1] for script in page.scripts() if (found := _CONTEXT.search(script))), None)
    record = None
    if context is not None:
        payload = parse_json(_SITE, parse_json(_SITE, context).text())
        names = ("shortcode_media", "xdt_shortcode_media")
        record = next((each for name in names for each in payload.anywhere(name)), None)
    if record is not None:
        return read_record(record, code, max_bytes)
    if any(page.with_class(*_BROKEN)):
        raise ResolveError(ResolveFailure.GONE, "the Instagram post is gone, or not shown to visitors")
    shown = next(page.with_class("Embed"), None)
    image = next(page.with_class("EmbeddedMediaImage"), None)
    source = page.absolute(image.attributes.get("src")) if image else None
    if shown is None or source is None:
        raise site_changed(_SITE, "neither a record nor a picture in the page for embedding")
    if shown.attributes.get("data-media-type") != "GraphImage":
        raise _withheld()
    name = next((element.text for element in page.with_class("UsernameText")), None)
    return Resolution(_canonical(code), (MediumRef(source, "image"),), name)


def read_record(record: Payload, code: str, max_bytes: int) -> Resolution:
    """A `shortcode_media` record: one image or video, or several in a sidecar."""
    children = [edge.at("node") for edge in record.items("edge_sidecar_to_children", "edges")]
    media = tuple(_record_medium(child, max_bytes) for child in children or [record])
    author = record.maybe_text("owner", "username")
    return Resolution(_canonical(code), media, author, record.maybe_time("taken_at_timestamp"))


def read_page(page: Page, code: str, max_bytes: int) -> Resolution:
    """The post's own page, whose scripts hold the record where visitors may see it."""
    gated = False
    for script in page.scripts("application/json"):
        if "xig_polaris_media" not in script and "xdt_api__v1__media__shortcode__web_info" not in script:
            continue
        payload = parse_json(_SITE, script)
        for media in payload.anywhere("xig_polaris_media"):
            item = media.find("if_not_gated_logged_out")
            gated = gated or item is None
            if item is not None:
                return read_item(item, code, max_bytes)
        for info in payload.anywhere("xdt_api__v1__media__shortcode__web_info"):
            for item in info.items("items"):
                return read_item(item, code, max_bytes)
    if gated:
        raise ResolveError(ResolveFailure.LOGIN_NEEDED, "Instagram shows the post to logged-in people only")
    raise site_changed(_SITE, "no record in the post's page")


def read_item(item: Payload, code: str, max_bytes: int) -> Resolution:
    """An item of the media API, as vetric and the post's page have it: alone, or a carousel (type 8)."""
    children = item.items("carousel_media") or [item]
    media = tuple(found for child in children if (found := _item_medium(child, max_bytes)))
    if not media:
        raise site_changed(
            item.site, f"neither image_versions2 nor video_versions in {item.path or 'the item'}"
        )
    return Resolution(
        _canonical(code), media, item.maybe_text("user", "username"), item.maybe_time("taken_at")
    )


def read_oembed(payload: Payload, code: str) -> Resolution:
    """The still that oEmbed names."""
    if payload.says_no("can_view"):
        raise ResolveError(ResolveFailure.PRIVATE, "the Instagram post is private")
    still = MediumRef(
        payload.url("thumbnail_url"),
        "image",
        None,
        None,
        *payload.maybe_size(names=("thumbnail_width", "thumbnail_height")),
    )
    return Resolution(_canonical(code), (still,), payload.maybe_text("author_name"))


def _record_medium(node: Payload, max_bytes: int) -> MediumRef:
    alt_text = node.maybe_text("accessibility_caption")
    size = node.maybe_size("dimensions")
    if node.says_yes("is_video"):
        url = node.maybe_url("video_url")
        if url is None:
            raise _withheld()
        duration = node.maybe_number("video_duration")
        still = node.maybe_url("display_url")
        return MediumRef(url, "video", "video/mp4", alt_text, *size, duration, thumbnail=still)
    copies = [
        MediumRef(
            each.url("src"),
            "image",
            None,
            alt_text,
            *each.maybe_size(names=("config_width", "config_height")),
        )
        for each in node.items("display_resources")
    ]
    return best(copies or [MediumRef(node.url("display_url"), "image", None, alt_text, *size)], max_bytes)


def _item_medium(item: Payload, max_bytes: int) -> MediumRef | None:
    """The best encoding of one item; None for what is neither image nor video."""
    alt_text = item.maybe_text("accessibility_caption")
    stills = list(_versions(item.items("image_versions2", "candidates"), "image", alt_text, None))
    videos = list(
        _versions(item.items("video_versions"), "video", alt_text, item.maybe_number("video_duration"))
    )
    if not videos:
        return best(stills, max_bytes) if stills else None
    return replace(best(videos, max_bytes), mime="video/mp4", thumbnail=stills[0].url if stills else None)


def _versions(
    versions: list[Payload], kind: str, alt_text: str | None, duration: float | None
) -> Iterator[MediumRef]:
    for each in versions:
        yield MediumRef(each.url("url"), kind, None, alt_text, *each.maybe_size(), duration)


def _canonical(code: str) -> str:
    return f"{_WEB}/p/{code}/"


def _withheld() -> ResolveError:
    detail = "Instagram's page for embedding withholds the video; another route may have it"
    return ResolveError(ResolveFailure.LOGIN_NEEDED, detail)


def _embed(place: Place, access: Access) -> Resolution:
    code = SITE.parts(place)["code"]
    page = ask_page(access, f"{_WEB}/p/{code}/embed/captioned/")
    return read_embed(page, code, access.fetcher.limits.max_bytes)


def _page(place: Place, access: Access) -> Resolution:
    code = SITE.parts(place)["code"]
    return read_page(ask_page(access, _canonical(code)), code, access.fetcher.limits.max_bytes)


def _oembed(place: Place, access: Access) -> Resolution:
    code = SITE.parts(place)["code"]
    if "/p/" not in place.path:
        raise ResolveError(ResolveFailure.UNSUPPORTED, "of a reel, oEmbed knows only the cover")
    query = urlencode({"url": _canonical(code)})
    return read_oembed(ask_json(access, _SITE, f"{_WEB}/api/v1/oembed/?{query}"), code)


def _vetric(place: Place, access: Access) -> Resolution:
    code = SITE.parts(place)["code"]
    key = {"x-api-key": access.key("vetric_instagram_token")}
    where = f"{_VETRIC}/url-resolver?{urlencode({'url': _canonical(code)})}"
    post = ask_json(access, "vetric", where, key)
    if post.says_no("can_view"):
        raise ResolveError(ResolveFailure.PRIVATE, "the Instagram post is private")
    media_id = quote(post.text("media_id"), safe="")
    info = ask_json(access, "vetric", f"{_VETRIC}/media/{media_id}/info?media_id={media_id}", key)
    items = info.must_have_items("items")
    if not items:
        raise ResolveError(ResolveFailure.GONE, "there is no such Instagram post")
    return read_item(items[0], code, access.fetcher.limits.max_bytes)


SITE = SiteByForms(
    "a post or reel of Instagram",
    (
        url_form(r"/(?P<story>stories)/.*"),
        url_form(r"/(?:[\w.]{1,60}/)?(?:p|reels?|tv)/(?P<code>[\w-]{5,60})(?:/.*)?"),
    ),
    {"embed": _embed, "page": _page, "vetric": _vetric, "oembed": _oembed},
    refused={"story": (ResolveFailure.LOGIN_NEEDED, "Instagram shows stories to logged-in people only")},
)
