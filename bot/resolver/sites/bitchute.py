"""BitChute: the API of its own pages, or the `<video>` in the page."""

from __future__ import annotations

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Access, MediumRef, Resolution
from bot.resolver.reading.asking import ask_page, post_json
from bot.resolver.reading.forms import SiteByForms, url_form
from bot.resolver.reading.markup import Page
from bot.resolver.reading.payload import Payload, site_changed
from bot.resolver.urls import Place

_API = "https://api.bitchute.com/api/beta/video/media"
_SITE = "BitChute"


def read_media(payload: Payload, video_id: str) -> Resolution:
    """The API's answer for one video."""
    url = payload.url("media_url")
    if url.partition("?")[0].endswith(".m3u8"):
        raise ResolveError(ResolveFailure.UNSUPPORTED, "BitChute has the video as a playlist only")
    return Resolution(_canonical(video_id), (MediumRef(url, "video", payload.maybe_text("media_type")),))


def read_refusal(status: int, payload: Payload) -> ResolveError:
    """The error behind `{"errors": [{"context", "message"}]}`."""
    said = " ".join(each.maybe_text("message") or "" for each in payload.items("errors")).strip()[:120]
    if "location" in said:
        reason = ResolveFailure.REGION
    elif status == 404 or "not found" in said.lower():
        reason = ResolveFailure.GONE
    elif status in {401, 403}:
        reason = ResolveFailure.PRIVATE
    else:
        return site_changed(_SITE, f"HTTP {status} without an error that is known")
    return ResolveError(reason, f"BitChute refuses the video with HTTP {status}: {said or 'no reason given'}")


def read_page(page: Page, video_id: str) -> Resolution:
    """The first source of each `<video>` in a page."""
    media: list[MediumRef] = []
    waiting = False
    for element in page.tags("video", "source"):
        if element.tag == "video":
            waiting = True
        url = page.absolute(element.attributes.get("src"))
        if waiting and url is not None:
            media.append(MediumRef(url, "video", element.attributes.get("type") or None))
            waiting = False
    if not media:
        raise site_changed(_SITE, "no <video> with a source in its page")
    poster = next((page.absolute(each.attributes.get("poster")) for each in page.tags("video")), None)
    first = MediumRef(media[0].url, "video", media[0].mime, thumbnail=poster)
    return Resolution(_canonical(video_id), (first, *media[1:]))


def _canonical(video_id: str) -> str:
    return f"https://www.bitchute.com/video/{video_id}/"


def _api(place: Place, access: Access) -> Resolution:
    video_id = SITE.parts(place)["id"]
    status, payload = post_json(access, _SITE, _API, {"video_id": video_id})
    if status != 200:
        raise read_refusal(status, payload)
    return read_media(payload, video_id)


def _page(place: Place, access: Access) -> Resolution:
    video_id = SITE.parts(place)["id"]
    return read_page(ask_page(access, f"https://old.bitchute.com/video/{video_id}/"), video_id)


SITE = SiteByForms(
    "a video of BitChute",
    (url_form(r"/(?:video|embed|torrent/[^/]+)/(?P<id>[\w-]{4,40})(?:/.*)?"),),
    {"api": _api, "page": _page},
)
