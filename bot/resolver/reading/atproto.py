"""What records and documents of the AT Protocol say of media: read alike by the site and by the platform.

A record names a file by its hash; the server (PDS) that the owner's DID document names gives the original
bytes of it by `com.atproto.sync.getBlob` (atproto.com/specs/did, atproto.com/specs/blob).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from bot.resolver.base import MediumRef
from bot.resolver.reading.payload import Payload, site_changed

PLC_DIRECTORY = "https://plc.directory"
_DID = re.compile(r"did:(?:plc:[a-z2-7]{24}|web:[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?)")
_CID = re.compile(r"[A-Za-z0-9+/=]{20,200}")


@dataclass(frozen=True, slots=True)
class Blob:
    """A file of a post, by the hash that names it. ``copy`` is the AppView's re-encoded one."""

    cid: str
    medium: MediumRef
    copy: str | None


def is_did(text: str) -> bool:
    """Whether this names an account by a method that is known here (`did:plc`, `did:web`)."""
    return _DID.fullmatch(text) is not None


def did_document_url(did: str, plc_directory: str = PLC_DIRECTORY) -> str:
    """Where the document of a DID stands: in the PLC directory, or on the host that is the DID."""
    if did.startswith("did:web:"):
        return f"https://{did.removeprefix('did:web:')}/.well-known/did.json"
    return f"{plc_directory}/{did}"


def read_did_document(document: Payload, did: str) -> str:
    """The origin of the server that holds an account's files.

    Raises:
        ResolveError: SITE_CHANGED; this is no such document, or it names no server.
    """
    if document.maybe_text("id") != did:
        raise site_changed(document.site, "a DID document with the id that was asked for")
    for service in document.items("service"):
        if (service.maybe_text("id") or "").removeprefix(did) == "#atproto_pds":
            parts = urlsplit(service.url("serviceEndpoint"))
            if parts.path in {"", "/"} and not parts.query:
                return f"{parts.scheme}://{parts.netloc}"
    raise site_changed(document.site, "no #atproto_pds in the DID document")


def blob_url(origin: str, did: str, cid: str) -> str:
    """Where an account's server gives a file."""
    return f"{origin}/xrpc/com.atproto.sync.getBlob?{urlencode({'did': did, 'cid': cid})}"


def with_media(embed: Payload) -> Payload:
    """The part of an embed that holds media, where it is joined with a quotation."""
    return embed.find("media") or embed


def blobs(embed: Payload, view: Payload | None = None) -> tuple[Blob, ...]:
    """The files in a record's embed (images, video, or either with a quotation), in the post's order.

    Raises:
        ResolveError: SITE_CHANGED; a file without a hash.
    """
    embed, view = with_media(embed), with_media(view) if view else None
    if embed.find("video") is not None:
        return (_blob(embed, "video", "video", view),)
    views = view.items("images") if view else []
    images = embed.items("images")
    return tuple(
        _blob(image, "image", "image", views[number] if number < len(views) else None)
        for number, image in enumerate(images)
    )


def _blob(entry: Payload, key: str, kind: str, view: Payload | None) -> Blob:
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
    return Blob(cid, medium, view.maybe_url("fullsize") if view else None)
