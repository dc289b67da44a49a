"""The platform `mastodon`: one account on one instance, or on a server that speaks the same API."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from pydantic import ValidationError

from bot.clock import Clock, SystemClock
from bot.errors import (
    CredentialsRefused,
    PlatformUnavailable,
    PostGone,
    PostHidden,
    RateLimited,
    ReplyRefused,
)
from bot.platforms.access import Access
from bot.platforms.base import Account, Draft, Limits, Page, Post, SentReply, TextRules
from bot.platforms.mastodon.client import OF_A_POST, Client
from bot.platforms.mastodon.fields import (
    TEXT_LIMIT,
    URL_LENGTH,
    AccountFields,
    InstanceFields,
    NotificationFields,
    StatusFields,
)
from bot.platforms.mastodon.length import text_rules
from bot.platforms.mastodon.mentions import BEGINNING, MENTION, Cursor, MentionReader
from bot.platforms.mastodon.posting import Poster
from bot.platforms.mastodon.reading import is_addressed, to_account, to_post
from bot.platforms.mastodon.streaming import listen, stream_url

_log = structlog.get_logger(__name__)
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)

MIN_POLL_INTERVAL = 2.0
MIN_REPLY_INTERVAL = 2.0
"""Seconds. An instance allows 300 requests in 5 minutes, and a reply takes three, or five with a picture."""

KEPT_FOR = timedelta(seconds=60)
KEPT_STATUSES = 512


@dataclass(frozen=True, slots=True)
class _Known:
    """What is asked once: who the bot is, and what its instance allows."""

    me: Account
    instance: InstanceFields


class MastodonPlatform:
    """One account. Safe to use from several threads."""

    name = "mastodon"
    file_root: Path | None = None

    def __init__(
        self,
        url: str,
        access: Access,
        *,
        page_size: int,
        visibility: str,
        request_timeout: float,
        streaming: bool = True,
        clock: Clock | None = None,
    ) -> None:
        """Nothing is asked before the first call. Arguments as in `bot.config.mastodon`."""
        self._clock = clock or SystemClock()
        self._client = Client(url, access, self._clock, timeout=request_timeout)
        self._reader = MentionReader(self._client, page_size)
        self._poster = Poster(self._client, visibility, self._fetch)
        self._streaming = streaming
        self._known: _Known | None = None
        self._guard = threading.Lock()
        self._kept: OrderedDict[str, tuple[datetime, StatusFields]] = OrderedDict()
        self.limits = Limits(MIN_POLL_INTERVAL, MIN_REPLY_INTERVAL, page_size)

    @property
    def text_rules(self) -> TextRules:
        """The instance's, once it was asked; before that, Mastodon's own."""
        if self._known is None:
            return text_rules(TEXT_LIMIT, URL_LENGTH)
        return text_rules(self._known.instance.text_limit, self._known.instance.url_length)

    def me(self) -> Account:
        """The bot's own account, asked for once."""
        return self._ready().me

    def cursor_at_now(self) -> str:
        """A cursor behind the newest mention."""
        return str(self._reader.newest())

    def cursor_at_start(self) -> str:
        """A cursor before every notification that the instance still keeps."""
        return BEGINNING

    def mentions(self, cursor: str) -> Page:
        """The next page of mentions behind the cursor; see `bot.platforms.mastodon.mentions`."""
        me = self.me()
        batch = self._reader.behind(Cursor.read(cursor))
        found = [self._mention(each, me) for each in batch.notifications]
        posts = {post.id: post for post in found if post is not None}
        ordered = sorted(posts.values(), key=lambda post: post.created_at)
        return Page(tuple(ordered), str(batch.cursor), batch.more)

    def fetch_post(self, post_id: str) -> Post:
        """One status by its id; one that was read within the last minute is not asked for again."""
        kept = self._kept_status(post_id)
        return to_post(kept if kept is not None else self._fetch(post_id), self._clock.now())

    def reply(self, draft: Draft) -> SentReply:
        """Post a reply to the asker, seen by no more people than the mention; see `Poster`."""
        known = self._ready()
        if not self.text_rules.fits(draft.text):
            raise ReplyRefused("the reply is longer than the instance takes; shorten its template")
        return self._poster.reply(known.me, known.instance, draft)

    def find_reply(self, draft: Draft) -> SentReply | None:
        """The bot's own reply that this draft has already become, if any."""
        return self._poster.find(self.me(), draft)

    def retract(self, reply_id: str) -> None:
        """Delete one of the bot's own statuses."""
        self._poster.retract(reply_id)

    def listen(self, on_news: Callable[[], None], stopping: threading.Event) -> None:
        """Hold the user stream; without one (`mastodon.streaming`) wait until the end."""
        if not self._streaming:
            stopping.wait()
            return
        url = stream_url(self._client.url, self._ready().instance.streaming)
        listen(self._client, url, on_news, stopping)

    def close(self) -> None:
        """Release connections."""
        self._client.close()

    # -- reading -----------------------------------------------------------------------------------------

    def _ready(self) -> _Known:
        with self._guard:
            if self._known is None:
                self._known = _Known(to_account(self._own_account()), self._instance())
            return self._known

    def _own_account(self) -> AccountFields:
        return self._client.ask(
            "account", lambda mastodon: mastodon.account_verify_credentials(), AccountFields
        )

    def _instance(self) -> InstanceFields:
        try:
            return self._client.ask(
                "instance", lambda mastodon: mastodon.instance_v2(), InstanceFields, {404: PostGone}
            )
        except PostGone:  # a server that speaks only the older API
            return self._client.ask("instance", lambda mastodon: mastodon.instance_v1(), InstanceFields)

    def _fetch(self, post_id: str) -> StatusFields:
        """A status, anew.

        Raises:
            PostGone, PostHidden, CredentialsRefused: as the instance says.
        """
        if _ID.fullmatch(post_id) is None:
            raise PostGone(f"there is no post {post_id[:64]!r}: no instance gives such ids")
        try:
            status = self._client.ask(
                "posts", lambda mastodon: mastodon.status(post_id), StatusFields, OF_A_POST
            )
        except PostHidden:
            self._own_account()  # the same answer may mean that the token holds no longer
            raise
        if not all(each.ready for each in status.media_attachments):
            return status
        with self._guard:
            self._kept[post_id] = self._clock.now(), status
            while len(self._kept) > KEPT_STATUSES:
                self._kept.popitem(last=False)
        return status

    def _kept_status(self, post_id: str) -> StatusFields | None:
        with self._guard:
            read_at, status = self._kept.get(post_id, (None, None))
            if read_at is None or self._clock.now() - read_at > KEPT_FOR:
                self._kept.pop(post_id, None)
                return None
            return status

    def _mention(self, notification: NotificationFields, me: Account) -> Post | None:
        """The post that tags the bot; None where a notification holds none that can be read."""
        if notification.type != MENTION or notification.status is None:
            return None
        try:
            status = StatusFields.model_validate(notification.status)
        except ValidationError as error:
            _log.warning("mention passed over", notification=notification.id, faults=error.error_count())
            return None
        return to_post(status, self._clock.now(), addressed=is_addressed(status, me, self._above))

    def _above(self, post_id: str) -> StatusFields | None:
        """The post above a mention, None where it cannot be had.

        Then whoever asks gets an answer: one post that cannot be read never holds up those behind it.
        """
        try:
            return self._kept_status(post_id) or self._fetch(post_id)
        except (PostGone, PostHidden, PlatformUnavailable, RateLimited, CredentialsRefused):
            return None
