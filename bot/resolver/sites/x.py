"""X (Twitter): the official API with a bearer token; without one, what X's own embedded posts are made of.

The embed endpoint has no documentation and no promise. It leaves out posts that X shows to logged-in people
only; its token was never needed to be right, but is computed as X's own script does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Access, MediumRef, Resolution
from bot.resolver.encodings import best
from bot.resolver.reading.asking import BROWSER_LIKE, ask_json, ask_whatever
from bot.resolver.reading.forms import SiteByForms, url_form
from bot.resolver.reading.payload import Payload, site_changed
from bot.resolver.urls import Place

_API = "https://api.x.com/2/tweets/"
_FIELDS = {
    "tweet.fields": "attachments,author_id,created_at,referenced_tweets,text",
    "media.fields": "alt_text,duration_ms,height,media_key,preview_image_url,type,url,variants,width",
    "user.fields": "username",
    "expansions": "attachments.media_keys,author_id,referenced_tweets.id,"
    "referenced_tweets.id.attachments.media_keys",
}
_EMBED = "https://cdn.syndication.twimg.com/tweet-result"
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_TOMBSTONES = (
    ("age-restricted", ResolveFailure.AGE_GATED),
    ("limits who can view", ResolveFailure.PRIVATE),
    ("no longer exists", ResolveFailure.GONE),
    ("deleted", ResolveFailure.GONE),
    ("suspended", ResolveFailure.GONE),
    ("violated", ResolveFailure.GONE),
    ("withheld", ResolveFailure.REGION),
)


def read_api(payload: Payload, post_id: str, max_bytes: int) -> Resolution:
    """The API's answer for one post: its own media in its order, else those of the post that it quotes."""
    data = payload.find("data")
    if data is None:
        raise _problem(payload)
    known = {each.text("media_key"): each for each in payload.items("includes", "media")}
    posts = {each.text("id"): each for each in payload.items("includes", "tweets")}
    quoted = [
        posts.get(each.maybe_text("id") or "")
        for each in data.items("referenced_tweets")
        if each.maybe_text("type") == "quoted"
    ]
    media: tuple[MediumRef, ...] = ()
    for post in (data, *quoted):
        keys = post.texts("attachments", "media_keys") if post and not media else []
        media = media or tuple(_api_medium(known[key], max_bytes) for key in keys if key in known)
    if not media:
        raise _without_media(data.maybe_text("text"))
    users = {
        each.maybe_text("id"): each.maybe_text("username") for each in payload.items("includes", "users")
    }
    author = users.get(data.maybe_text("author_id"))
    return Resolution(_canonical(author, post_id), media, author, data.maybe_time("created_at"))


def read_embed(payload: Payload, post_id: str, max_bytes: int) -> Resolution:
    """The embed endpoint's answer for one post; as `read_api`."""
    kind = payload.maybe_text("__typename")
    if kind == "TweetTombstone":
        raise _tombstone(payload)
    if kind != "Tweet":
        raise site_changed(payload.site, "no __typename of a post")
    for post in (payload, payload.find("quoted_tweet")):
        media = tuple(_embed_medium(each, max_bytes) for each in post.items("mediaDetails")) if post else ()
        if media:
            author = payload.maybe_text("user", "screen_name")
            return Resolution(_canonical(author, post_id), media, author, payload.maybe_time("created_at"))
    raise _without_media(payload.maybe_text("text"))


def embed_token(post_id: str) -> str:
    """What X's script sends along: `(id / 1e15 * pi).toString(36)` without noughts and point.

    Behind the point are as many digits as tell the number from its neighbours (V8's DoubleToRadixCString).
    """
    value = int(post_id) / 1e15 * math.pi
    whole, part = int(value), value - int(value)
    delta = max((math.nextafter(value, math.inf) - value) / 2, 5e-324)
    digits: list[int] = []
    while part >= delta:
        part, delta = part * 36, delta * 36
        digits.append(int(part))
        part -= digits[-1]
        if (part > 0.5 or (part == 0.5 and digits[-1] % 2)) and part + delta > 1:
            while digits and digits[-1] == 35:
                digits.pop()
            if digits:
                digits[-1] += 1
            else:
                whole += 1
            break
    text = "".join(_DIGITS[digit] for digit in [*_base_36(whole), *digits])
    return text.replace("0", "")


def _base_36(number: int) -> Iterator[int]:
    if number >= 36:
        yield from _base_36(number // 36)
    yield number % 36


def _api_medium(medium: Payload, max_bytes: int) -> MediumRef:
    size = medium.maybe_size()
    alt_text = medium.maybe_text("alt_text")
    if medium.text("type") == "photo":
        return _photo(medium.url("url"), alt_text, size)
    video = _video(medium, "bit_rate", medium.maybe_whole("duration_ms"), max_bytes)
    still = medium.maybe_url("preview_image_url")
    return replace(video, alt_text=alt_text, width=size[0], height=size[1], thumbnail=still)


def _embed_medium(medium: Payload, max_bytes: int) -> MediumRef:
    size = medium.maybe_size("original_info")
    alt_text = medium.maybe_text("ext_alt_text")
    still = medium.url("media_url_https")
    if medium.text("type") == "photo":
        return _photo(still, alt_text, size)
    info = medium.at("video_info")
    video = _video(info, "bitrate", info.maybe_whole("duration_millis"), max_bytes)
    return replace(video, alt_text=alt_text, width=size[0], height=size[1], thumbnail=still)


def _photo(url: str, alt_text: str | None, size: tuple[int | None, int | None]) -> MediumRef:
    """A photo as it was uploaded; X serves a reduced copy where no name of a size is given."""
    if urlsplit(url).hostname == "pbs.twimg.com":
        url = f"{url.partition('?')[0]}?name=orig"
    return MediumRef(url, "image", None, alt_text, *size)


def _video(medium: Payload, rate: str, milliseconds: int | None, max_bytes: int) -> MediumRef:
    """A video or animation: the best of its variants, without its size."""
    choices = [
        MediumRef(
            each.url("url"),
            "video",
            each.maybe_text("content_type"),
            bit_rate=each.maybe_whole(rate),
            duration=milliseconds / 1000 if milliseconds else None,
        )
        for each in medium.items("variants")
    ]
    if not choices:
        raise site_changed(medium.site, f"no {medium.path}.variants")
    return best(choices, max_bytes)


def _canonical(author: str | None, post_id: str) -> str:
    return f"https://x.com/{author or 'i'}/status/{post_id}"


def _without_media(text: str | None) -> ResolveError:
    shows_link = "https://" in (text or "")
    detail = (
        "the X post previews what another website shows; give that link"
        if shows_link
        else ("the X post has no image or video")
    )
    return ResolveError(ResolveFailure.NO_MEDIA, detail)


def _problem(payload: Payload) -> ResolveError:
    """Why the API has no post: its problem details (RFC 7807)."""
    problem = next(iter(payload.items("errors")), payload)
    kind = (problem.maybe_text("type") or "").rpartition("/")[2]
    said = problem.maybe_text("detail") or problem.maybe_text("title") or ""
    if kind == "resource-not-found" or "suspended" in said:
        return ResolveError(ResolveFailure.GONE, "the X post is deleted, or its account suspended")
    if kind == "not-authorized-for-resource":
        return ResolveError(ResolveFailure.PRIVATE, "the X post is protected")
    if kind == "resource-unavailable":
        return ResolveError(ResolveFailure.REGION, "the X post is not available here")
    return site_changed(payload.site, f"neither data nor an error that is known ({kind[:60] or 'no type'})")


def _tombstone(payload: Payload) -> ResolveError:
    said = (payload.maybe_text("tombstone", "text", "text") or "").lower()
    reason = next((reason for words, reason in _TOMBSTONES if words in said), ResolveFailure.LOGIN_NEEDED)
    return ResolveError(reason, f"X does not show the post to visitors{f': {said[:120]}' if said else ''}")


def _api(place: Place, access: Access) -> Resolution:
    post_id = SITE.parts(place)["id"]
    token = {"authorization": f"Bearer {access.key('x_bearer_token')}"}
    status, payload = ask_whatever(access, "X", f"{_API}{post_id}?{urlencode(_FIELDS)}", token)
    if status in {401, 402, 403} and payload.find("data") is None:
        # About our account, not about the post; the reference bot saw 403 as a rate limit too.
        reason = ResolveFailure.LOGIN_NEEDED if status == 401 else ResolveFailure.RATE_LIMITED
        said = payload.maybe_text("title") or "no reason given"
        raise ResolveError(reason, f"the X API refuses this bearer token with HTTP {status}: {said[:80]}")
    return read_api(payload, post_id, access.fetcher.limits.max_bytes)


def _embed(place: Place, access: Access) -> Resolution:
    post_id = SITE.parts(place)["id"]
    query = urlencode({"id": post_id, "lang": "en", "token": embed_token(post_id)})
    payload = ask_json(access, "X", f"{_EMBED}?{query}", BROWSER_LIKE)
    return read_embed(payload, post_id, access.fetcher.limits.max_bytes)


SITE = SiteByForms(
    "a post of X",
    (url_form(r"/(?:\w{1,20}|i/web)/status(?:es)?/(?P<id>\d{1,20})(?:/(?:photo|video)/\d{1,2})?"),),
    {"api": _api, "embed": _embed},
)
