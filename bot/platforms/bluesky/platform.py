"""The platform `bluesky`: mentions from the notifications, replies as records under keys that repeat.

What makes a reply unique is its record key: it follows from the idempotency key alone (`writing.record_key`),
and `putRecord` with `swapRecord: null` writes only where nothing stands yet. So the same draft can be sent
any number of times, by any number of processes, and is one post.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import httpx

from bot.errors import PlatformUnavailable, PostGone, PostHidden, ReplyRefused, ResolveError
from bot.platforms.access import Access
from bot.platforms.base import Account, Draft, Limits, Page, Post, SentReply, TextRules
from bot.platforms.bluesky import lexicon
from bot.platforms.bluesky.cursor import Cursor, Entry, parse
from bot.platforms.bluesky.faults import AlreadyThere
from bot.platforms.bluesky.jetstream import follow
from bot.platforms.bluesky.reading import listed_time, mentions, read_post, usable, web_url
from bot.platforms.bluesky.servers import Servers
from bot.platforms.bluesky.service import Service
from bot.platforms.bluesky.writing import find_facets, images_embed, post_record, read_picture, record_key
from bot.platforms.text import graphemes
from bot.resolver.reading.payload import Payload

_MOST_PAGES_BACK = 20
_POST_URI = re.compile(
    rf"at://did:[a-z]+:[A-Za-z0-9._:%-]+/{re.escape(lexicon.POST)}/[A-Za-z0-9._:~-]{{1,512}}"
)


class BlueskyPlatform:
    """One account on Bluesky. Safe to use from several threads.

    Times are in seconds. Nothing is asked before the first call.
    """

    name = "bluesky"
    file_root: Path | None = None

    def __init__(
        self,
        access: Access,
        *,
        handle: str | None,
        service_url: str,
        plc_url: str,
        page_size: int,
        poll_interval: float,
        reply_interval: float,
        connect_timeout: float,
        read_timeout: float,
    ) -> None:
        timeout = httpx.Timeout(read_timeout, connect=connect_timeout)
        self._service = Service(access, service_url, handle, timeout)
        self._servers = Servers(access.gate, plc_url, service_url, timeout)
        self.limits = Limits(poll_interval, reply_interval, page_size)
        self.text_rules = TextRules(lexicon.MAX_GRAPHEMES, graphemes, lexicon.MAX_BYTES)

    def me(self) -> Account:
        """The bot's own account, as its session names it."""
        tokens = self._service.account()
        return Account(tokens.did, tokens.handle)

    def cursor_at_now(self) -> str:
        """A cursor behind every mention that is listed now; late ones of the last minutes are still new."""
        _, entries, listed_next = self._listed(None)
        now = datetime.now(UTC)
        cursor = Cursor.below(entries, now).after(entries, listed_next, now)
        for _ in range(_MOST_PAGES_BACK):
            if cursor.page is None:
                return str(cursor)
            _, entries, listed_next = self._listed(cursor.page)
            cursor = cursor.after(entries, listed_next, now)
        return str(cursor.cut_short())

    def cursor_at_start(self) -> str:
        """A cursor before every mention that Bluesky still lists."""
        return str(Cursor())

    def mentions(self, cursor: str) -> Page:
        """The next page of mentions, each page from old to new; the newest page of a sweep comes first.

        Raises:
            RateLimited, PlatformUnavailable, CredentialsRefused: try again later, from the same cursor.
        """
        stands = parse(cursor)
        me = self.me().id
        views, entries, listed_next = self._listed(stands.page)
        new = [
            view
            for view, entry in zip(views, entries, strict=True)
            if stands.is_new(entry) and mentions(view, me)
        ]
        posts = sorted((self._read(view) for view in new), key=lambda post: post.created_at)
        after = stands.after(entries, listed_next, datetime.now(UTC))
        return Page(tuple(posts), str(after), more=after.more)

    def fetch_post(self, post_id: str) -> Post:
        """One post by its at:// URI; errors as in `Platform.fetch_post`."""
        return self._read(self._view(post_id))

    def reply(self, draft: Draft) -> SentReply:
        """Post a reply; errors as in `Platform.reply`."""
        if not self.text_rules.fits(draft.text):
            raise ReplyRefused("the reply is longer than Bluesky takes; shorten its template")
        try:
            parent = self._view(draft.in_reply_to)
        except (PostGone, PostHidden):
            standing = self.find_reply(draft)
            if standing is None:
                raise
            return standing
        if parent.says_yes("viewer", "replyDisabled"):
            raise ReplyRefused("the thread's author does not let the bot reply")
        facets = find_facets(draft.text, lambda handle: self._did_of(handle, parent))
        record = post_record(draft, parent, facets, self._embed(draft), datetime.now(UTC))
        try:
            # The null says: only where no record stands under this key.
            order = {**self._place(draft), "record": record, "swapRecord": None}
            self._service.tell(lexicon.PUT_RECORD, order, writes=True)
        except AlreadyThere:
            standing = self.find_reply(draft)
            if standing is None:
                raise PlatformUnavailable(
                    "Bluesky has the reply's key and not the reply; try again"
                ) from None
            return standing
        return self._sent(draft)

    def find_reply(self, draft: Draft) -> SentReply | None:
        """The bot's own reply that this draft has already become, if any."""
        try:
            self._service.ask(lexicon.GET_RECORD, **self._place(draft))
        except PostGone:
            return None
        return self._sent(draft)

    def retract(self, reply_id: str) -> None:
        """Delete one of the bot's own replies; errors as in `Platform.retract`."""
        did = self.me().id
        start, _, key = reply_id.rpartition("/")
        if start != f"at://{did}/{lexicon.POST}":
            return
        order = {"repo": did, "collection": lexicon.POST, "rkey": key}
        self._service.tell(lexicon.DELETE_RECORD, order)

    def close(self) -> None:
        """Release connections. Safe to call twice."""
        self._service.close()
        self._servers.close()

    def _listed(self, page: str | None) -> tuple[list[Payload], list[Entry], str | None]:
        """A page of notifications, their places in the list, and Bluesky's cursor for the next."""
        further = {} if page is None else {"cursor": page}
        answer = self._service.ask(
            lexicon.LIST_NOTIFICATIONS,
            limit=self.limits.page_size,
            reasons=list(lexicon.REASONS),
            **further,
        )
        try:
            views = list(usable(answer.must_have_items("notifications")))
        except ResolveError as error:
            raise PlatformUnavailable(str(error)) from error
        entries = [Entry(view.text("uri"), listed_time(view)) for view in views]
        return views, entries, answer.maybe_text("cursor")

    def _view(self, uri: str) -> Payload:
        """The AppView's view of a post.

        Raises:
            PostGone, PostHidden: there is none for the bot.
        """
        if not _POST_URI.fullmatch(uri):
            raise PostGone(f"{uri[:120]!r} names no post of Bluesky")
        answer = self._service.ask(lexicon.GET_POSTS, uris=[uri])
        found = next(iter(answer.items("posts")), None)
        if found is None:
            raise self._why_missing(uri)
        if found.says_yes("author", "viewer", "blockedBy"):
            raise PostHidden(f"the author of {uri} blocks the bot")
        return found

    def _why_missing(self, uri: str) -> PostGone | PostHidden:
        """Posts of those who block the bot are left out of lists; only the thread says why."""
        gone = PostGone(f"{uri} is deleted, or its account closed")
        try:
            thread = self._service.ask(lexicon.GET_POST_THREAD, uri=uri, depth=0, parentHeight=0).find(
                "thread"
            )
        except PostGone:
            return gone
        if thread is not None and thread.says_yes("blocked"):
            return PostHidden(f"the author of {uri} blocks the bot, or the bot blocks them")
        return gone

    def _read(self, view: Payload) -> Post:
        try:
            return read_post(view, self._servers.blob_url)
        except ResolveError as error:
            raise PlatformUnavailable(str(error)) from error

    def _did_of(self, handle: str, parent: Payload) -> str | None:
        if handle == (parent.maybe_text("author", "handle") or "").lower():
            return parent.maybe_text("author", "did")
        try:
            return self._service.ask(lexicon.RESOLVE_HANDLE, handle=handle).maybe_text("did")
        except (PlatformUnavailable, PostGone):
            return None  # nobody has it, or it cannot be told: plain text then

    def _embed(self, draft: Draft) -> dict[str, Any] | None:
        if draft.image is None:
            return None
        picture = read_picture(draft.image)
        answer = self._service.upload(lexicon.UPLOAD_BLOB, picture.content, picture.mime)
        blob = answer.find("blob")
        if blob is None or not isinstance(blob.value, dict):
            raise PlatformUnavailable("Bluesky's answer to a picture names no blob")
        return images_embed(blob.value, picture, draft.image_alt_text or "")

    def _place(self, draft: Draft) -> dict[str, str]:
        return {"repo": self.me().id, "collection": lexicon.POST, "rkey": record_key(draft.key)}

    def _sent(self, draft: Draft) -> SentReply:
        place, me = self._place(draft), self.me()
        uri = f"at://{place['repo']}/{place['collection']}/{place['rkey']}"
        return SentReply(uri, web_url(me, uri))


class ListeningBluesky(BlueskyPlatform):
    """The same, told by a Jetstream when something is new."""

    def __init__(self, access: Access, *, jetstream_url: str, **options: Any) -> None:
        super().__init__(access, **options)
        self._jetstream_url = jetstream_url

    def listen(self, on_news: Callable[[], None], stopping: Event) -> None:
        """Hold one stream; see `bot.platforms.base.Pushing`."""
        follow(self._jetstream_url, self.me().id, on_news, stopping)
