"""Any URL: the bytes of an image, video or sound, or a page that names its own (Open Graph, JSON-LD)."""

from __future__ import annotations

from collections.abc import Iterator

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Access, MediumRef, Resolution
from bot.resolver.encodings import best, plain_mime
from bot.resolver.reading.asking import BROWSER_LIKE, refused
from bot.resolver.reading.forms import is_file
from bot.resolver.reading.markup import Page, read_page
from bot.resolver.reading.payload import Payload, iso_time, parse_json
from bot.resolver.sites import mastodon
from bot.resolver.sites.table import SITES
from bot.resolver.urls import Place, in_public, place_of

_CLAIMED = frozenset[str]().union(*(record.hosts for record in SITES))
_MOST_MEDIA = 20
_OF_AN_ANSWER = {
    ResolveFailure.GONE,
    ResolveFailure.PRIVATE,
    ResolveFailure.LOGIN_NEEDED,
    ResolveFailure.RATE_LIMITED,
}
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_TEXTS = frozenset({"text/html", "application/xhtml+xml", "application/x-shockwave-flash"})
_VIDEO_TYPES = frozenset({"VideoObject"})
_IMAGE_TYPES = frozenset({"ImageObject", "Photograph"})
_OF_AN_ARTICLE = ("image", "primaryImageOfPage", "thumbnailUrl")


def read_media_of_page(page: Page, max_bytes: int) -> Resolution:
    """The media that a page calls its own: its video; where it has none, its pictures.

    Raises:
        ResolveError: UNSUPPORTED if it names nothing, or shows a video whose file it does not name: its
            picture would not be what people see there.
    """
    linked = [node for text in page.scripts("application/ld+json") for node in _linked_data(text)]
    canonical = _canonical(page)
    posted = next((iso_time(each) for each in page.meta("article:published_time", "datepublished")), None)
    posted = posted or next((found for node in linked if (found := node.maybe_time("datePublished"))), None)
    shown = in_public(page.url)
    videos = [*_open_graph_videos(page), *_videos(page, linked)]
    if videos:
        return Resolution(canonical, (best(videos, max_bytes),), posted_at=posted)
    if _shows_video(page, linked):
        detail = f"{shown} shows a video without naming its file"
        raise ResolveError(ResolveFailure.UNSUPPORTED, detail)
    unique = {medium.url: medium for medium in (*_images(page, linked), *_open_graph_images(page))}
    if not unique:
        raise ResolveError(ResolveFailure.UNSUPPORTED, f"{shown} names no image or video as its own")
    return Resolution(canonical, tuple(unique.values())[:_MOST_MEDIA], posted_at=posted)


def _canonical(page: Page) -> str:
    named = [
        each.attributes.get("href") for each in page.tags("link") if each.attributes.get("rel") == "canonical"
    ]
    return next(filter(None, map(page.absolute, named)), page.url)


def _open_graph(page: Page, kind: str) -> Iterator[dict[str, str]]:
    """The structured properties of `og:image` or `og:video` (ogp.me), each with its URL as `url`."""
    found: dict[str, str] = {}
    for element in page.tags("meta"):
        name = (element.attributes.get("property") or element.attributes.get("name") or "").lower()
        content = element.attributes.get("content", "").strip()
        root, _, part = name.removeprefix("og:").partition(":")
        if not name.startswith("og:") or root != kind or not content:
            continue
        if part in {"", "url"} and found.get("url") not in {None, content}:
            yield found
            found = {}
        found[part or "url"] = content
    if found:
        yield found


def _open_graph_videos(page: Page) -> Iterator[MediumRef]:
    for each in _open_graph(page, "video"):
        url = page.absolute(each.get("secure_url") or each.get("url"))
        mime = plain_mime(each.get("type"))
        if (
            url is not None
            and mime not in _TEXTS
            and (mime.startswith("video/") or is_file(url.partition("?")[0]))
        ):
            yield MediumRef(
                url, "video", mime or None, width=_whole(each, "width"), height=_whole(each, "height")
            )
    for url in filter(None, map(page.absolute, page.meta("twitter:player:stream"))):
        yield MediumRef(url, "video")


def _open_graph_images(page: Page) -> Iterator[MediumRef]:
    for each in _open_graph(page, "image"):
        url = page.absolute(each.get("secure_url") or each.get("url"))
        if url is not None:
            size = _whole(each, "width"), _whole(each, "height")
            yield MediumRef(url, "image", each.get("type"), each.get("alt"), *size)
    for url in filter(None, map(page.absolute, page.meta("twitter:image", "twitter:image:src"))):
        yield MediumRef(url, "image")


def _whole(facts: dict[str, str], name: str) -> int | None:
    text = facts.get(name, "")
    return int(text[:9]) or None if text.isascii() and text.isdigit() else None


def _linked_data(text: str) -> Iterator[Payload]:
    """The nodes of one JSON-LD script, those in its `@graph` too; none where it is no JSON."""
    try:
        payload = parse_json("the page's JSON-LD", text)
    except ResolveError:  # many pages have broken ones; nobody needs to know
        return
    for node in payload.items() if isinstance(payload.value, list) else [payload]:
        yield node
        yield from node.items("@graph")


def _types(node: Payload) -> set[str]:
    kind = node.find("@type")
    values = kind.value if kind is not None else []
    return {str(each).rpartition("/")[2] for each in (values if isinstance(values, list) else [values])}


def _video_nodes(linked: list[Payload]) -> Iterator[Payload]:
    for node in linked:
        if not _types(node).isdisjoint(_VIDEO_TYPES):
            yield node
        for key in ("video", "associatedMedia"):
            inner = node.find(key)
            if inner is not None:
                each_of = inner.items() if isinstance(inner.value, list) else [inner]
                yield from (each for each in each_of if not _types(each).isdisjoint(_VIDEO_TYPES))


def _videos(page: Page, linked: list[Payload]) -> Iterator[MediumRef]:
    for node in _video_nodes(linked):
        url = page.absolute(node.maybe_text("contentUrl"))
        if url is not None:
            mime = node.maybe_text("encodingFormat")
            yield MediumRef(url, "video", mime, node.maybe_text("description"), *_size(node))


def _size(node: Payload) -> tuple[int | None, int | None]:
    """Width and height: numbers, or quantities with a value (schema.org/QuantitativeValue)."""
    width, height = node.maybe_size()
    return width or node.maybe_whole("width", "value"), height or node.maybe_whole("height", "value")


def _shows_video(page: Page, linked: list[Payload]) -> bool:
    kind = next(iter(page.meta("og:type")), "")
    card = next(iter(page.meta("twitter:card")), "")
    return (
        kind.startswith("video")
        or card == "player"
        or any(_open_graph(page, "video"))
        or any(_video_nodes(linked))
    )


def _images(page: Page, linked: list[Payload]) -> Iterator[MediumRef]:
    """Pictures that JSON-LD names: the file of an ImageObject, or what illustrates an article."""
    for node in linked:
        if not _types(node).isdisjoint(_IMAGE_TYPES):
            yield from _image(page, node)
        elif any("Article" in kind or "Posting" in kind for kind in _types(node)):
            pictures = next((found for key in _OF_AN_ARTICLE if (found := node.find(key)) is not None), None)
            if pictures is not None:
                for each in pictures.items() if isinstance(pictures.value, list) else [pictures]:
                    yield from _image(page, each)


def _image(page: Page, node: Payload) -> Iterator[MediumRef]:
    named = (
        node.value if isinstance(node.value, str) else node.maybe_text("contentUrl") or node.maybe_text("url")
    )
    url = page.absolute(named)
    if url is not None:
        mime = node.maybe_text("encodingFormat")
        yield MediumRef(url, "image", mime, node.maybe_text("caption"), *_size(node))


def _direct(place: Place, access: Access) -> Resolution:
    """One medium: the URL itself, behind its redirects; UNSUPPORTED where that holds something else."""
    try:
        seen = access.fetcher.peek(place.url)
    except ResolveError as error:
        if error.reason is ResolveFailure.NO_MEDIA:  # some page, which another route or site may read
            raise ResolveError(ResolveFailure.UNSUPPORTED, str(error)) from error
        if error.reason in _OF_AN_ANSWER:  # perhaps of a site that has better ways to be asked
            target = place_of(access.fetcher.final_url(place.url))
            if target is not None and target.host != place.host and _is_of_another_site(target):
                return access.follow(target.url)
        raise
    medium = MediumRef(seen.final_url, kind=seen.mime.partition("/")[0], mime=seen.mime, size=seen.size)
    return Resolution(seen.final_url, (medium,))


def _page(place: Place, access: Access) -> Resolution:
    """What a page names as its own; where the link led on to another site, what that one says."""
    _refuse_claimed(place)
    try:
        answer = access.fetcher.get(place.url, headers=BROWSER_LIKE)
    except ResolveError as error:
        if error.reason is ResolveFailure.TOO_LARGE:
            raise ResolveError(ResolveFailure.UNSUPPORTED, f"{error}: too much for a page") from error
        raise
    target = place_of(answer.url)
    if target is not None and target.host != place.host and _is_of_another_site(target):
        return access.follow(answer.url)
    refusal = refused(answer)
    if refusal is not None:
        raise refusal
    kind = plain_mime(answer.headers.get("content-type"))
    if kind not in _PAGES:
        detail = f"{in_public(answer.url)} is {kind[:60] or 'of no named type'}, not a page"
        raise ResolveError(ResolveFailure.UNSUPPORTED, detail)
    return read_media_of_page(read_page(answer.text(), answer.url), access.fetcher.limits.max_bytes)


def _yt_dlp(place: Place, access: Access) -> Resolution:
    """What yt-dlp finds, but not on a site that is known here: that one was asked, or is switched off."""
    from bot.resolver.extracted import yt_dlp_route

    _refuse_claimed(place)
    target = place_of(access.fetcher.final_url(place.url))
    if target is not None:
        _refuse_claimed(target)
    return yt_dlp_route(place, access)


def _refuse_claimed(place: Place) -> None:
    if place.host in _CLAIMED:
        detail = f"{in_public(place.url)} is no file of that site"
        raise ResolveError(ResolveFailure.UNSUPPORTED, detail)


def _is_of_another_site(place: Place) -> bool:
    return place.host in _CLAIMED or mastodon.SITE.matches(place)


class Web:
    """Takes every http(s) URL, so it is asked last."""

    def __init__(self) -> None:
        self.routes = {"direct": _direct, "page": _page, "yt_dlp": _yt_dlp}

    def matches(self, place: Place) -> bool:
        """Any, but of the hosts that another site knows only their files.

        What such a site cannot read, or may not, is not read as some page: its picture is a cover or a logo.
        """
        return place.host not in _CLAIMED or is_file(place.path)


SITE = Web()
