"""Telegram: posts of public channels, from the page for embedding or the channel's preview (`t.me/s/`).

Both are made of the same elements. Photos come as large as the page shows them, not as they were sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Access, MediumRef, Resolution
from bot.resolver.reading.asking import ask_page
from bot.resolver.reading.forms import SiteByForms, url_form
from bot.resolver.reading.markup import Element, Page
from bot.resolver.reading.payload import iso_time, site_changed
from bot.resolver.urls import Place

_SITE = "Telegram"
_PHOTO = "tgme_widget_message_photo_wrap"
_PLAYERS = frozenset({"tgme_widget_message_video_player", "tgme_widget_message_roundvideo_player"})
_THUMBS = frozenset({"tgme_widget_message_video_thumb", "tgme_widget_message_roundvideo_thumb"})
_VOICE = "tgme_widget_message_voice"
_LENGTHS = frozenset({"message_video_duration", "tgme_widget_message_voice_duration"})
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})")


def read_post(page: Page, channel: str, number: str) -> Resolution:
    """One post out of a page that has it, with everything that was sent together with it."""
    elements = _of_post(page, channel, number)
    media = tuple(_media(elements))
    if not media:
        raise _without_media(elements)
    moment = next((iso_time(each.attributes.get("datetime")) for each in elements if _is_date(each)), None)
    return Resolution(f"https://t.me/{channel}/{number}", media, channel, moment)


def read_single(page: Page, channel: str, number: str) -> Resolution:
    """As `read_post`, of one medium of those sent together: the one whose own link this is."""
    whole = read_post(page, channel, number)
    if len(whole.media) == 1:
        return whole
    own = f"/{channel}/{number}".lower()
    wanted = [
        count
        for count, element in enumerate(
            each for each in _of_post(page, channel, number) if _opens_medium(each)
        )
        if element.attributes.get("href", "").lower().partition("?")[0].endswith(own)
    ]
    if not wanted:
        raise site_changed(_SITE, "no link to the single medium")
    return Resolution(whole.canonical_url, (whole.media[wanted[0]],), whole.author, whole.posted_at)


def _of_post(page: Page, channel: str, number: str) -> Sequence[Element]:
    """The elements of this post: from its `data-post` to that of the next."""
    found: list[Element] = []
    inside = False
    for element in page.elements:
        named = element.attributes.get("data-post")
        if named is not None:
            inside = named.lower() == f"{channel}/{number}".lower()
        if inside:
            found.append(element)
    if not found:
        error = next((each.text.lower() for each in page.with_class("tgme_widget_message_error")), None)
        if error is not None and "not found" not in error and "channel with username" not in error:
            detail = f"Telegram does not show the post on the web: {error[:80]}"
            raise ResolveError(ResolveFailure.LOGIN_NEEDED, detail)
        if error is not None or any(page.with_class("tgme_channel_history", "tgme_page")):
            raise ResolveError(ResolveFailure.GONE, "there is no such post in a public Telegram channel")
        raise site_changed(_SITE, "no message in its page")
    return found


def _opens_medium(element: Element) -> bool:
    return not {_PHOTO, _VOICE, *_PLAYERS}.isdisjoint(element.classes)


def _media(elements: Sequence[Element]) -> Iterator[MediumRef]:
    """Photos, videos and voice messages in the post's order; each reaches to where the next begins."""
    starts = [count for count, element in enumerate(elements) if _opens_medium(element)]
    for start, end in pairwise([*starts, len(elements)]):
        yield _medium(elements[start:end])


def _medium(parts: Sequence[Element]) -> MediumRef:
    first = parts[0]
    length = next((_seconds(each.text) for each in parts if not _LENGTHS.isdisjoint(each.classes)), None)
    if _PHOTO in first.classes:
        if first.background is None:
            raise site_changed(_SITE, "no picture in a photo's style")
        return MediumRef(first.background, "image")
    if _VOICE in first.classes:
        return MediumRef(_source(first), "audio", duration=length)
    video = next((each for each in parts if each.tag == "video"), None)
    if video is None:
        if any("message_media_not_supported" in " ".join(each.classes) for each in parts):
            detail = "Telegram shows a video this large in its app only"
            raise ResolveError(ResolveFailure.TOO_LARGE, detail)
        raise site_changed(_SITE, "a video player without a video")
    thumbnail = next((each.background for each in parts if not _THUMBS.isdisjoint(each.classes)), None)
    return MediumRef(_source(video), "video", duration=length, thumbnail=thumbnail)


def _source(element: Element) -> str:
    source = element.attributes.get("src", "")
    if not source.startswith(("https://", "http://")):
        raise site_changed(_SITE, f"no src in its <{element.tag}>")
    return source


def _without_media(elements: Sequence[Element]) -> ResolveError:
    names = {name for element in elements for name in element.classes}
    if "tgme_widget_message_document_wrap" in names:
        detail = "the Telegram post has a file that its website does not give out"
    elif any(name.startswith("message_media_not_supported") for name in names):
        return ResolveError(ResolveFailure.LOGIN_NEEDED, "Telegram shows this post in its app only")
    else:
        detail = "the Telegram post has no image, video or sound"
    return ResolveError(ResolveFailure.NO_MEDIA, detail)


def _is_date(element: Element) -> bool:
    return element.tag == "time" and "datetime" in element.attributes


def _seconds(text: str) -> float | None:
    found = _CLOCK.fullmatch(text.strip())
    return float(int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3])) if found else None


def _embed(place: Place, access: Access) -> Resolution:
    parts = SITE.parts(place)
    channel, number = parts["channel"], parts["number"]
    single = "single" in place.url.partition("?")[2].split("&")
    page = ask_page(access, f"https://t.me/{channel}/{number}?embed=1&mode=tme{'&single' if single else ''}")
    return (read_single if single else read_post)(page, channel, number)


def _preview(place: Place, access: Access) -> Resolution:
    parts = SITE.parts(place)
    channel, number = parts["channel"], parts["number"]
    return read_post(ask_page(access, f"https://t.me/s/{channel}/{number}"), channel, number)


SITE = SiteByForms(
    "a post of a public Telegram channel",
    (
        url_form(r"/(?P<private>c/\d+|joinchat|\+[\w-]+)(?:/.*)?"),
        url_form(r"/(?:s/)?(?P<channel>[A-Za-z]\w{3,40})/(?:\d+/)?(?P<number>\d{1,12})"),
    ),
    {"embed": _embed, "preview": _preview},
    refused={"private": (ResolveFailure.PRIVATE, "the Telegram link leads into a private chat")},
)
