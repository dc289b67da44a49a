"""Bluesky: posts from the public AppView, their files as uploaded from the author's own server (PDS).

The AppView's pictures are re-encoded copies and its videos playlists; `com.atproto.sync.getBlob` on the PDS,
which the author's DID document names, gives the original bytes (atproto.com/specs/did).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Access, MediumRef, Resolution
from bot.resolver.reading.asking import ask_json, ask_whatever
from bot.resolver.reading.atproto import (
    Blob,
    blob_url,
    blobs,
    did_document_url,
    is_did,
    read_did_document,
    with_media,
)
from bot.resolver.reading.forms import SiteByForms, url_form
from bot.resolver.reading.payload import Payload, site_changed
from bot.resolver.urls import Place

_APP_VIEW = "https://public.api.bsky.app/xrpc/"
_SITE = "Bluesky"
_MEDIUM = re.compile(r".*/[^/]+\.(?:gif|jpe?g|png|webp|mp4|webm|mov|mp3|m4a)", re.I)


@dataclass(frozen=True, slots=True)
class _Post:
    """What a post has: ``owner`` is the DID of the account whose files these are, ``empty`` has no media."""

    owner: str
    blobs: tuple[Blob, ...]
    links: tuple[MediumRef, ...]
    empty: Resolution


def read_posts(payload: Payload, rkey: str) -> _Post:
    """The answer of `app.bsky.feed.getPosts` for one post: its own files, else those of what it quotes."""
    posts = payload.must_have_items("posts")
    if not posts:
        raise ResolveError(ResolveFailure.GONE, "the Bluesky post is deleted, or its account closed")
    post = posts[0]
    handle = post.text("author", "handle")
    canonical = f"https://bsky.app/profile/{handle}/post/{rkey}"
    empty = Resolution(canonical, (), handle, post.maybe_time("record", "createdAt"))
    for owner, embed, view in _embeds(post):
        files = blobs(embed, view)
        links = _links(embed)
        if files or links:
            return _Post(_did(owner), files, links, empty)
    detail = "the Bluesky post has no image or video"
    if post.find("record", "embed", "external") is not None:
        detail = "the Bluesky post previews what another website shows; give that link"
    raise ResolveError(ResolveFailure.NO_MEDIA, detail)


def _embeds(post: Payload) -> Iterator[tuple[str, Payload, Payload | None]]:
    """Whose files, the record's embed and its view: of the post, then of the post that it quotes."""
    view = post.find("embed")
    embed = post.at("record").find("embed")
    if embed is not None:
        yield post.text("author", "did"), embed, view
    quoted = view.find("record", "record") or view.find("record") if view else None
    embed = quoted.find("value", "embed") if quoted else None
    if quoted is not None and embed is not None:
        yield quoted.text("author", "did"), embed, next(iter(quoted.items("embeds")), None)


def _links(embed: Payload) -> tuple[MediumRef, ...]:
    """An embedded link that is a medium itself, such as an animation from Tenor."""
    external = with_media(embed).find("external")
    url = external.maybe_url("uri") if external else None
    if external is None or url is None or not _MEDIUM.fullmatch(url.partition("?")[0]):
        return ()
    return (MediumRef(url, alt_text=external.maybe_text("description")),)


def _did(text: str) -> str:
    if not is_did(text):
        raise ResolveError(ResolveFailure.UNSUPPORTED, f"{text[:80]!r} is no account of a kind known here")
    return text


def _post(place: Place, access: Access) -> _Post:
    parts = SITE.parts(place)
    who = parts["who"]
    did = who if who.startswith("did:") else _resolve_handle(access, who.lower())
    uri = f"at://{_did(did)}/app.bsky.feed.post/{parts['rkey']}"
    return read_posts(
        ask_json(access, _SITE, f"{_APP_VIEW}app.bsky.feed.getPosts?{urlencode({'uris': uri})}"),
        parts["rkey"],
    )


def _resolve_handle(access: Access, handle: str) -> str:
    query = urlencode({"handle": handle})
    url = f"{_APP_VIEW}com.atproto.identity.resolveHandle?{query}"
    status, payload = ask_whatever(access, _SITE, url)
    if status == 400 and payload.find("error") is not None:
        raise ResolveError(ResolveFailure.GONE, f"Bluesky knows no account {handle[:80]}")
    return payload.text("did")


def _originals(place: Place, access: Access) -> Resolution:
    post = _post(place, access)
    if not post.blobs:
        return replace(post.empty, media=post.links)
    host = _server(access, post.owner)
    originals = (replace(blob.medium, url=blob_url(host, post.owner, blob.cid)) for blob in post.blobs)
    return replace(post.empty, media=tuple(originals))


def _server(access: Access, did: str) -> str:
    try:
        return read_did_document(ask_json(access, _SITE, did_document_url(did)), did)
    except ResolveError as error:
        if error.passing or error.reason is ResolveFailure.SITE_CHANGED:
            raise
        # That there is no such document says nothing of the post.
        detail = f"the server of the Bluesky account {did} cannot be found: {error}"
        raise ResolveError(ResolveFailure.NETWORK, detail) from error


def _copies(place: Place, access: Access) -> Resolution:
    """The AppView's copies of the pictures, where the author's server cannot be found."""
    post = _post(place, access)
    copies = tuple(
        replace(blob.medium, url=blob.copy, mime=None, size=None) for blob in post.blobs if blob.copy
    )
    if len(copies) < len(post.blobs):
        raise site_changed(_SITE, "no copy of every file")
    return replace(post.empty, media=copies or post.links)


SITE = SiteByForms(
    "a post of Bluesky",
    (url_form(r"/profile/(?P<who>[A-Za-z0-9.:-]{3,280})/post/(?P<rkey>[A-Za-z0-9._:~-]{1,512})"),),
    {"originals": _originals, "copies": _copies},
)
