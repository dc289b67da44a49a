"""From Bluesky's views of a post to a `Post`. A notification and a post view name the same fields.

uri, author {did, handle, labels [{src, val}]}, labels [{src, val}], indexedAt, viewer {replyDisabled}
record {text, createdAt, langs, facets, reply {parent.uri, root.uri}, embed}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import structlog

from bot.errors import ResolveError
from bot.platforms.base import Account, Attachment, Post
from bot.platforms.bluesky import lexicon
from bot.platforms.text import http_urls
from bot.resolver.reading.atproto import Blob, blobs, with_media
from bot.resolver.reading.payload import Payload, site_changed

_WEB = "https://bsky.app/profile"
_log = structlog.get_logger(__name__)

BlobUrl = Callable[[str, str], str]
"""An account's DID and a file's hash, to the URL of the file."""


def read_post(view: Payload, blob_url: BlobUrl) -> Post:
    """A post as the protocol of platforms has it.

    Raises:
        ResolveError: SITE_CHANGED; what every post has is missing.
        RateLimited, PlatformUnavailable: from ``blob_url``.
    """
    uri, record = view.text("uri"), view.at("record")
    author = _account(view.at("author"))
    embed = record.find("embed")
    files = _files(uri, embed) if embed is not None else ()
    sensitive = _is_sensitive(view)
    return Post(
        id=uri,
        author=author,
        created_at=listed_time(view),
        text=_raw_text(record),
        url=web_url(author, uri),
        language=next(iter(record.texts("langs")), None),
        attachments=tuple(
            Attachment(blob_url(author.id, file.cid), file.medium.mime, file.medium.alt_text, sensitive)
            for file in files
        ),
        links=_links(record, embed),
        parent_id=record.maybe_text("reply", "parent", "uri"),
        quoted_id=_quoted(embed) if embed is not None else None,
        thread_id=record.maybe_text("reply", "root", "uri") or uri,
    )


def listed_time(view: Payload) -> datetime:
    """When a post counts as made: when its author says, at most when it was indexed; whole milliseconds.

    Raises:
        ResolveError: SITE_CHANGED; no time can be read.
    """
    indexed = view.maybe_time("indexedAt")
    claimed = view.maybe_time("record", "createdAt")
    if indexed is None:
        raise site_changed(view.site, "no time as indexedAt")
    time = min(indexed, claimed or indexed).astimezone(UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def mentions(view: Payload, did: str) -> bool:
    """Whether the post tags this account, which only a facet does: the text alone notifies nobody."""
    return any(feature.maybe_text("did") == did for feature in _features(view.at("record"), lexicon.MENTION))


def web_url(author: Account, uri: str) -> str:
    """Where people read a post."""
    who = author.id if author.handle == "handle.invalid" else author.handle
    return f"{_WEB}/{who}/post/{uri.rpartition('/')[2]}"


def usable(views: list[Payload]) -> Iterator[Payload]:
    """Those of the views that can be read as posts; the others are logged and passed over."""
    for view in views:
        try:
            view.text("uri"), view.at("record"), view.text("author", "did"), listed_time(view)
        except ResolveError as error:
            _log.warning("notification_passed_over", uri=view.maybe_text("uri"), cause=str(error))
            continue
        yield view


def _account(author: Payload) -> Account:
    did = author.text("did")
    said_by_itself = (
        label.maybe_text("src") == did and label.maybe_text("val") == lexicon.BOT_LABEL
        for label in author.items("labels")
    )
    return Account(did, author.maybe_text("handle") or "handle.invalid", any(said_by_itself))


def _is_sensitive(view: Payload) -> bool:
    """Whether the post, or its author's account, bears such a label; whoever has put it there."""
    labels = (*view.items("labels"), *view.items("author", "labels"))
    return any(label.maybe_text("val") in lexicon.SENSITIVE_LABELS for label in labels)


def _files(uri: str, embed: Payload) -> tuple[Blob, ...]:
    """The files of an embed; none of one that is made wrong, which must not hold up the posts around it."""
    try:
        return blobs(embed)
    except ResolveError as error:
        _log.warning("embed_passed_over", uri=uri, cause=str(error))
        return ()


def _raw_text(record: Payload) -> str:
    found = record.find("text")
    return found.value if found is not None and isinstance(found.value, str) else ""


def _features(record: Payload, kind: str) -> Iterator[Payload]:
    for facet in record.items("facets"):
        for feature in facet.items("features"):
            if feature.maybe_text("$type") == kind:
                yield feature


def _links(record: Payload, embed: Payload | None) -> tuple[str, ...]:
    """The links of the text in full, which may show them shortened, then the link card's."""
    links = [feature.maybe_url("uri") for feature in _features(record, lexicon.LINK)]
    links += http_urls(_raw_text(record)) if not links else ()
    if embed is not None:
        links.append(with_media(embed).maybe_url("external", "uri"))
    return tuple(dict.fromkeys(link for link in links if link is not None))


def _quoted(embed: Payload) -> str | None:
    """The quoted post, which stands one deeper where media are embedded too; lists and feeds are none."""
    uri = embed.maybe_text("record", "uri") or embed.maybe_text("record", "record", "uri")
    return uri if uri is not None and f"/{lexicon.POST}/" in uri else None
