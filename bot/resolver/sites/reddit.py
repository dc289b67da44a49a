"""Reddit: the official API with an app's id and secret, without them the page's own `.json`.

Posts come as a `Listing` of one `t3` (https://www.reddit.com/dev/api#GET_api_info). Galleries are in
`gallery_data`'s order, not in that of `media_metadata`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Access, MediumRef, Resolution
from bot.resolver.reading.asking import ask, ask_whatever, status_and_json
from bot.resolver.reading.dash import best_of_manifest
from bot.resolver.reading.forms import SiteByForms, url_form
from bot.resolver.reading.payload import Payload, site_changed
from bot.resolver.urls import Place

_TOKEN = "https://www.reddit.com/api/v1/access_token"  # noqa: S105 - an address
_API = "https://oauth.reddit.com/api/info"
_WEB = "https://www.reddit.com"
_SUFFIXES = {
    "image/jpeg": "jpg",
    "image/jpg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
}
_IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".webp")
_HOME = frozenset({"i.redd.it", "preview.redd.it", "i.imgur.com"})
_REASONS = {
    "private": ResolveFailure.PRIVATE,
    "quarantined": ResolveFailure.LOGIN_NEEDED,
    "gated": ResolveFailure.LOGIN_NEEDED,
    "gold_only": ResolveFailure.PRIVATE,
    "banned": ResolveFailure.GONE,
}
OpenManifest = Callable[[str], MediumRef]
"""The URL of a DASH manifest to its best video; raises `ResolveError`."""


def read_listing(payload: Payload, open_manifest: OpenManifest) -> Resolution:
    """A post's media, or those of the post that it crossposts.

    Raises:
        ResolveError: GONE for an empty listing or a post removed with its media, NO_MEDIA, SITE_CHANGED.
    """
    post = _post_of(payload)
    canonical = f"{_WEB}{post.text('permalink')}"
    author = post.maybe_text("author")
    for source in (post, *post.items("crosspost_parent_list")):
        media = tuple(_media(source, open_manifest))
        if media:
            return Resolution(canonical, media, author, post.maybe_time("created_utc"))
    if post.maybe_text("removed_by_category") or author == "[deleted]":
        raise ResolveError(ResolveFailure.GONE, "the Reddit post was removed, with its media")
    if post.maybe_text("post_hint") == "link":
        detail = "the Reddit post has no media but a link to another website; give that link"
        raise ResolveError(ResolveFailure.NO_MEDIA, detail)
    raise ResolveError(ResolveFailure.NO_MEDIA, "the Reddit post has no image or video")


def linked_video(payload: Payload) -> str | None:
    """The URL of another site's video that a post shows; None for other posts."""
    post = _post_of(payload)
    hint = post.maybe_text("post_hint")
    return post.maybe_url("url") if hint == "rich:video" else None


def read_refusal(status: int, payload: Payload) -> ResolveError:
    """The error behind `{"error": 403, "reason": ...}`."""
    why = payload.maybe_text("reason") or ""
    by_status = {401: ResolveFailure.LOGIN_NEEDED, 403: ResolveFailure.PRIVATE, 404: ResolveFailure.GONE}
    reason = _REASONS.get(why) or by_status.get(status)
    if reason is None:
        return site_changed(payload.site, f"HTTP {status} without a reason that is known")
    return ResolveError(
        reason, f"Reddit refuses the post with HTTP {status}: {why[:60] or 'no reason given'}"
    )


def _post_of(payload: Payload) -> Payload:
    listing = payload.items()[0] if isinstance(payload.value, list) and payload.value else payload
    if listing.maybe_text("kind") != "Listing":
        raise site_changed(payload.site, "no Listing")
    posts = [
        child for child in listing.must_have_items("data", "children") if child.maybe_text("kind") == "t3"
    ]
    if not posts:
        raise ResolveError(ResolveFailure.GONE, "there is no such Reddit post")
    return posts[0].at("data")


def _media(post: Payload, open_manifest: OpenManifest) -> Iterator[MediumRef]:
    if post.find("media_metadata") is not None:
        yield from _gallery(post, open_manifest)
        return
    video = post.find("secure_media", "reddit_video") or post.find("media", "reddit_video")
    if video is not None:
        yield _hosted_video(video, post, open_manifest)
        return
    url = post.maybe_url("url") or ""
    parts = urlsplit(url)
    is_image = parts.path.lower().endswith(_IMAGES)
    if is_image and (post.maybe_text("post_hint") == "image" or parts.hostname in _HOME):
        source = next((each.find("source") for each in post.items("preview", "images")), None)
        yield MediumRef(
            url,
            "image",
            width=source.maybe_whole("width") if source else None,
            height=source.maybe_whole("height") if source else None,
        )


def _gallery(post: Payload, open_manifest: OpenManifest) -> Iterator[MediumRef]:
    """The items in the gallery's order; those of a text post in the order in which Reddit names them."""
    metadata = post.at("media_metadata")
    ordered = post.items("gallery_data", "items")
    named = [(item.text("media_id"), item.maybe_text("caption")) for item in ordered]
    waiting = False
    # Without an order it is a text: what has a bar in its name there is an emote or a sticker of others.
    inline = [(identity, None) for identity in metadata.names() if "|" not in identity]
    for identity, caption in named or inline:
        item = metadata.find(identity)
        waiting = waiting or (item is not None and item.maybe_text("status") == "unprocessed")
        if item is not None and item.maybe_text("status") == "valid":
            yield replace(_item(item, identity, open_manifest), alt_text=caption)
    if waiting:
        raise ResolveError(ResolveFailure.NETWORK, "Reddit is still working on the media of this post")


def _item(item: Payload, identity: str, open_manifest: OpenManifest) -> MediumRef:
    kind = item.maybe_text("e")
    if kind == "RedditVideo":
        return open_manifest(item.url("dashUrl"))
    mime = item.maybe_text("m")
    suffix = _SUFFIXES.get(mime or "")
    if kind not in {"Image", "AnimatedImage"} or suffix is None:
        raise site_changed(item.site, f"{kind!r} of type {mime!r} in a gallery"[:120])
    # The file as it was uploaded; s.u, s.gif and s.mp4 are copies made for display.
    size = item.maybe_size("s", names=("x", "y"))
    return MediumRef(f"https://i.redd.it/{identity}.{suffix}", "image", mime, None, *size)


def _hosted_video(video: Payload, post: Payload, open_manifest: OpenManifest) -> MediumRef:
    """Picture and sound are files of their own here; without the manifest, the picture alone."""
    if video.maybe_text("transcoding_status") not in {None, "completed"}:
        raise ResolveError(ResolveFailure.NETWORK, "Reddit is still working on the video of this post")
    duration = video.maybe_number("duration")
    thumbnail = next((each.maybe_url("source", "url") for each in post.items("preview", "images")), None)
    manifest = video.maybe_url("dash_url")
    if manifest is not None:
        try:
            found = open_manifest(manifest)
            return replace(found, duration=found.duration or duration, thumbnail=thumbnail)
        except ResolveError as error:
            if error.reason is ResolveFailure.TOO_LARGE:
                raise
    return MediumRef(
        video.url("fallback_url"),
        "video",
        "video/mp4",
        width=video.maybe_whole("width"),
        height=video.maybe_whole("height"),
        bit_rate=(video.maybe_whole("bitrate_kbps") or 0) * 1000 or None,
        duration=duration,
        thumbnail=thumbnail,
    )


def _resolve(place: Place, access: Access, listing: Callable[[str], Payload]) -> Resolution:
    """A post from what ``listing`` gets for its id; a video of another site from there."""
    payload = listing(SITE.parts(place)["id"].lower())
    elsewhere = linked_video(payload)
    if elsewhere is not None:
        return access.follow(elsewhere)
    limit = access.fetcher.limits.max_bytes
    return read_listing(
        payload, lambda url: best_of_manifest(ask(access, url).body, url, payload.site, limit)
    )


def _token(access: Access) -> tuple[str, float]:
    login = f"{access.key('reddit_client_id')}:{access.key('reddit_client_secret')}"
    headers = {
        "authorization": f"Basic {base64.b64encode(login.encode()).decode()}",
        "content-type": "application/x-www-form-urlencoded",
    }
    answer = access.fetcher.post(_TOKEN, b"grant_type=client_credentials", headers=headers)
    status, payload = status_and_json(answer, "Reddit")
    token = payload.maybe_text("access_token")
    if token is None:
        said = (payload.maybe_text("message") or payload.maybe_text("error") or "no reason")[:60]
        detail = f"Reddit refuses sites.reddit_client_id and its secret with HTTP {status}: {said}"
        raise ResolveError(ResolveFailure.LOGIN_NEEDED, detail)
    return token, payload.maybe_number("expires_in") or 600.0


def _api(place: Place, access: Access) -> Resolution:
    def listing(post_id: str) -> Payload:
        for last in (False, True):
            token = access.tokens.get("reddit", lambda: _token(access))
            url = f"{_API}?id=t3_{post_id}&raw_json=1"
            status, payload = ask_whatever(access, "Reddit", url, {"authorization": f"Bearer {token}"})
            if status == 401 and not last:  # it ran out before its time, or was revoked
                access.tokens.forget("reddit", token)
                continue
            break
        if status != 200:
            raise read_refusal(status, payload)
        return payload

    return _resolve(place, access, listing)


def _json(place: Place, access: Access) -> Resolution:
    def listing(post_id: str) -> Payload:
        url = f"{_WEB}/comments/{post_id}.json?raw_json=1&limit=1"
        status, payload = ask_whatever(access, "Reddit", url)
        if status != 200:
            raise read_refusal(status, payload)
        return payload

    return _resolve(place, access, listing)


_ID = r"(?P<id>[0-9A-Za-z]{2,10})"
SITE = SiteByForms(
    "a post of Reddit",
    (
        url_form(rf"/(?:(?:r|user|u)/[\w-]{{2,60}}/)?comments/{_ID}(?:/.*)?"),
        url_form(rf"/(?:gallery|tb)/{_ID}"),
        url_form(f"/(?!media/?$){_ID}"),
    ),
    {"api": _api, "json": _json},
)
