"""Bluesky: posts from the public AppView, their files as uploaded from the author's own server (PDS).

The AppView's pictures are re-encoded copies and its videos playlists; `com.atproto.sync.getBlob` on the PDS,
which the author's DID document names, gives the original bytes (atproto.com/specs/did).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlencode, urlsplit

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.base import Access, MediumRef, Resolution
from bot.resolver.reading.asking import ask_json, ask_whatever
from bot.resolver.reading.forms import SiteByForms, url_form
from bot.resolver.reading.payload import Payload, site_changed
from bot.resolver.urls import Place

_APP_VIEW = "https://public.api.bsky.app/xrpc/"
_SITE = "Bluesky"
_DID = re.compile(r"did:(?:plc:[a-z2-7]{24}|web:[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?)")
_CID = re.compile(r"[A-Za-z0-9+/=]{20,200}")
_MEDIUM = re.compile(r".*/[^/]+\.(?:gif|jpe?g|png|webp|mp4|webm|mov|mp3|m4a)", re.I)


@dataclass(frozen=True, slots=True)
class _Blob:
    """A file of a post, by the hash that names it. ``copy`` is the AppView's re-encoded one."""

    cid: str
    medium: MediumRef
    copy: str | None


@dataclass(frozen=True, slots=True)
class _Post:
    """What a post has: ``owner`` is the DID of the account whose files these are, ``empty`` has no media."""

    owner: str
    blobs: tuple[_Blob, ...]
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
        blobs = _blobs(embed, view)
        links = _links(embed)
        if blobs or links:
            return _Post(_did(owner), blobs, links, empty)
    detail = "the Bluesky post has no image or video"
    if post.find("record", "embed", "external") is not None:
        detail = "the Bluesky post previews what another website shows; give that link"
    raise ResolveError(ResolveFailure.NO_MEDIA, detail)


def read_did_document(document: Payload, did: str) -> str:
    """The origin of the server that holds an account's files."""
    if document.maybe_text("id") != did:
        raise site_changed(document.site, "a DID document with the id that was asked for")
    for service in document.items("service"):
        if (service.maybe_text("id") or "").removeprefix(did) == "#atproto_pds":
            parts = urlsplit(service.url("serviceEndpoint"))
            if parts.path in {"", "/"} and not parts.query:
                return f"{parts.scheme}://{parts.netloc}"
    raise site_changed(document.site, "no #atproto_pds in the DID document")


def did_document_url(did: str) -> str:
    """Where the document of a DID stands: in the PLC directory, or on the host that is the DID."""
    if did.startswith("did:web:"):
        return f"https://{did.removeprefix('did:web:')}/.well-known/did.json"
    return f"https://plc.directory/{did}"


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


def _with_media(embed: Payload) -> Payload:
    return embed.find("media") or embed


def _blobs(embed: Payload, view: Payload | None) -> tuple[_Blob, ...]:
    """The files in a record's embed (images, video, or either with a quotation), in the post's order."""
    embed, view = _with_media(embed), _with_media(view) if view else None
    if embed.find("video") is not None:
        return (_blob(embed, "video", "video", view),)
    views = view.items("images") if view else []
    images = embed.items("images")
    return tuple(
        _blob(image, "image", "image", views[number] if number < len(views) else None)
        for number, image in enumerate(images)
    )


def _blob(entry: Payload, key: str, kind: str, view: Payload | None) -> _Blob:
    # Records from before the lexicon's second form name the hash and the type side by side.
    cid = entry.maybe_text(key, "ref", "$link") or entry.text(key, "cid")
    if not _CID.fullmatch(cid):
        raise site_changed(entry.site, f"a hash as {entry.path}.{key}.ref")
    medium = MediumRef(
        "",
        kind,
        entry.maybe_text(key, "mimeType"),
        entry.maybe_text("alt"),
        *entry.maybe_size("aspectRatio"),
        size=entry.maybe_whole(key, "size"),
        thumbnail=(view.maybe_url("thumb") or view.maybe_url("thumbnail")) if view else None,
    )
    return _Blob(cid, medium, view.maybe_url("fullsize") if view else None)


def _links(embed: Payload) -> tuple[MediumRef, ...]:
    """An embedded link that is a medium itself, such as an animation from Tenor."""
    external = _with_media(embed).find("external")
    url = external.maybe_url("uri") if external else None
    if external is None or url is None or not _MEDIUM.fullmatch(url.partition("?")[0]):
        return ()
    return (MediumRef(url, alt_text=external.maybe_text("description")),)


def _did(text: str) -> str:
    if not _DID.fullmatch(text):
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
    blob_url = f"{host}/xrpc/com.atproto.sync.getBlob?"
    originals = (
        replace(blob.medium, url=blob_url + urlencode({"did": post.owner, "cid": blob.cid}))
        for blob in post.blobs
    )
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
