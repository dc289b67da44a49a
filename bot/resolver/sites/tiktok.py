"""TikTok: photo posts from its pages; videos by yt-dlp, as their files open only to who visited the page.

Where photo posts fail, a service of somebody else's (tiklydown) can be asked; several of its versions broke
in turn, and it learns which posts are looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Access, MediumRef, Resolution, RunRoute
from bot.resolver.reading.asking import ask_json, ask_page
from bot.resolver.reading.forms import SiteByForms, url_form
from bot.resolver.reading.markup import Page
from bot.resolver.reading.payload import Payload, absolute_url, parse_json, site_changed
from bot.resolver.urls import Place

_WEB = "https://www.tiktok.com"
_TIKLY = "https://api.tiklydown.eu.org/api/download/v2"
_SITE = "TikTok"
_STATUSES = {
    10204: ResolveFailure.REGION,
    10216: ResolveFailure.PRIVATE,
    10222: ResolveFailure.PRIVATE,
}


def read_embed(page: Page, post_id: str) -> Resolution:
    """The page for embedding (`/embed/v2/...`) of a photo post."""
    state = _script(page, "__FRONTITY_CONNECT_STATE__")
    route = state.at("source", "data").find(f"/embed/v2/{post_id}")
    data = route.find("videoData") if route else None
    if data is None:
        raise ResolveError(ResolveFailure.GONE, "TikTok has no such post for embedding")
    photos = data.find("imagePostInfo")
    if photos is None:
        raise _no_photos()
    images = photos.items("displayImages") or [image.at("displayImage") for image in photos.items("images")]
    media = _photos([(image, image.maybe_whole("width"), image.maybe_whole("height")) for image in images])
    author = data.maybe_text("authorInfos", "uniqueId")
    posted = data.maybe_time("itemInfos", "createTime")
    return Resolution(_canonical(author, post_id), media, author, posted)


def read_page(page: Page, post_id: str) -> Resolution:
    """The post's own page, of a photo post."""
    scope = _script(page, "__UNIVERSAL_DATA_FOR_REHYDRATION__").at("__DEFAULT_SCOPE__")
    detail = scope.find("webapp.video-detail") or scope.at("webapp.reflow.video.detail")
    status = detail.maybe_whole("statusCode")
    if status is not None:
        reason = _STATUSES.get(status, ResolveFailure.GONE)
        raise ResolveError(reason, f"TikTok does not show the post (its status {status})")
    item = detail.at("itemInfo", "itemStruct")
    if item.says_yes("isContentClassified"):
        raise ResolveError(ResolveFailure.AGE_GATED, "TikTok shows the post to logged-in adults only")
    photos = item.find("imagePost")
    if photos is None:
        raise _no_photos()
    media = _photos(
        [
            (image.at("imageURL"), image.maybe_whole("imageWidth"), image.maybe_whole("imageHeight"))
            for image in photos.items("images")
        ]
    )
    author = item.maybe_text("author", "uniqueId")
    return Resolution(_canonical(author, post_id), media, author, item.maybe_time("createTime"))


def read_tikly(payload: Payload, canonical_url: str) -> Resolution:
    """The answer of tiklydown's version 2."""
    if payload.maybe_whole("status") == 404:
        raise ResolveError(ResolveFailure.GONE, "tiklydown finds no such TikTok post")
    if payload.maybe_whole("status") != 200:
        raise site_changed(payload.site, "no status 200")
    images = payload.at("result").items("images")
    urls = (absolute_url(each.maybe_text() or each.maybe_text("url")) for each in images)
    media = tuple(MediumRef(url, "image") for url in urls if url)
    if not media:
        raise site_changed(payload.site, "no result.images")
    return Resolution(canonical_url, media)


def _script(page: Page, identity: str) -> Payload:
    text = next(page.scripts(identity=identity), "")
    if not text:
        raise site_changed(_SITE, f"no {identity} in its page")
    return parse_json(_SITE, text)


def _photos(images: list[tuple[Payload, int | None, int | None]]) -> tuple[MediumRef, ...]:
    """Photos from what has their ``urlList``, with width and height."""
    found: list[MediumRef] = []
    for image, width, height in images:
        urls = [url for each in image.texts("urlList") if (url := absolute_url(each))]
        if not urls:
            raise site_changed(_SITE, f"no urlList in {image.path}")
        found.append(MediumRef(urls[0], "image", width=width, height=height))
    if not found:
        raise site_changed(_SITE, "a photo post without photos")
    return tuple(found)


def _canonical(author: str | None, post_id: str) -> str:
    return f"{_WEB}/@{author or ''}/photo/{post_id}"


def _no_photos() -> ResolveError:
    return ResolveError(ResolveFailure.UNSUPPORTED, "the TikTok post is a video; only yt-dlp can have those")


def _for_photos(read: Callable[[str, Access], Resolution]) -> RunRoute:
    """A route that reads photo posts by their id, and leaves videos to others without a request."""

    def run(place: Place, access: Access) -> Resolution:
        parts = SITE.parts(place)
        if "/photo/" not in place.path:
            raise _no_photos()
        return read(parts["id"], access)

    return run


def _embed(post_id: str, access: Access) -> Resolution:
    return read_embed(ask_page(access, f"{_WEB}/embed/v2/{post_id}"), post_id)


def _page(post_id: str, access: Access) -> Resolution:
    return read_page(ask_page(access, f"{_WEB}/@i/video/{post_id}"), post_id)


def _tikly(post_id: str, access: Access) -> Resolution:
    canonical = _canonical(None, post_id)
    return read_tikly(ask_json(access, "tiklydown", f"{_TIKLY}?{urlencode({'url': canonical})}"), canonical)


def _yt_dlp(place: Place, access: Access) -> Resolution:
    """A video; of a slide show under a video's link yt-dlp finds the sound alone: its photos are read."""
    from bot.resolver.extracted import yt_dlp_route

    parts = SITE.parts(place)
    found = yt_dlp_route(place, access)
    if all(medium.kind == "audio" for medium in found.media):
        return _embed(parts["id"], access)
    return found


_NAME = r"@[\w.-]{0,60}"
SITE = SiteByForms(
    "a post of TikTok",
    (
        url_form(rf"/{_NAME}/(?:video|photo)/(?P<id>\d{{5,25}})"),
        url_form(r"/(?:embed(?:/v2)?|share/video|player/v1)/(?P<id>\d{5,25})"),
        url_form(r"/v/(?P<id>\d{5,25})(?:\.html)?"),
        url_form(rf"/{_NAME}/(?P<live>live)"),
    ),
    {
        "embed": _for_photos(_embed),
        "page": _for_photos(_page),
        "tikly": _for_photos(_tikly),
        "yt_dlp": _yt_dlp,
    },
    refused={"live": (ResolveFailure.LIVE_STREAM, "the TikTok link leads to a live stream")},
)
