"""The platform `x`: X's API v2, read and written as one account."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from bot.clock import Clock
from bot.errors import PlatformUnavailable, PostGone, PostHidden, ReplyRefused
from bot.platforms.base import Account, Draft, Limits, Page, Post, SentReply, TextRules
from bot.platforms.text import weighted
from bot.platforms.x import fields
from bot.platforms.x.client import Client, as_user
from bot.platforms.x.cursor import Cursor
from bot.platforms.x.fields import Listing, Single
from bot.platforms.x.posting import Poster, Prices
from bot.platforms.x.reading import Reader
from bot.platforms.x.refusals import NoSuchParent, StalePage

LONGEST_TEXT = 280
_MOST_KEPT = 5000
_MOST_KEYS = 1000


class XPlatform:
    """X through one account. Safe to use from several threads; what each call may raise is in `Platform`.

    A post that came along with a page of mentions is kept for a while: reading it again would be paid again.
    """

    name = "x"
    file_root: Path | None = None

    def __init__(
        self, client: Client, prices: Prices, limits: Limits, clock: Clock, *, keep_posts: timedelta
    ) -> None:
        self.limits = limits
        self.text_rules = TextRules(max_length=LONGEST_TEXT, measure=weighted)
        self._client = client
        self._prices = prices
        self._poster = Poster(client, prices, clock)
        self._kept = _KeptPosts(clock, keep_posts)
        self._guard = threading.Lock()
        self._me: tuple[int, Account] | None = None
        self._sent: OrderedDict[str, SentReply] = OrderedDict()

    def me(self) -> Account:
        """The bot's own account; asked for once, and again when other credentials hold."""
        holds = self._client.fingerprint()
        with self._guard:
            if self._me is not None and self._me[0] == holds:
                return self._me[1]
        found = self._client.ask(
            "me",
            Single,
            lambda api: api.get_me(user_fields=fields.USER_FIELDS, user_auth=as_user(api)),
            cost=self._prices.own_read,
        )
        account = Account(found.data.id, found.data.username)
        with self._guard:
            self._me = (holds, account)
        return account

    def cursor_at_now(self) -> str:
        """A cursor behind the newest mention that X lists."""
        place, reader = Cursor(), Reader(self.me())
        while True:
            listing = self._list(place, fields.LEAST_RESULTS)
            ids = [post.id for post in reader.posts(listing)]
            if ids or listing.meta.next_token is None:
                return str(Cursor().behind(ids, left=False, next_token=None))
            place = place.behind([], left=False, next_token=listing.meta.next_token)

    def cursor_at_start(self) -> str:
        """A cursor before every mention that X still lists (the last 800)."""
        return str(Cursor())

    def mentions(self, cursor: str) -> Page:
        """The next page of mentions, oldest first within it; the newest page of a pass comes first."""
        place = Cursor.parse(cursor) or Cursor()
        reader = Reader(self.me())
        try:
            listing = self._list(place, max(self.limits.page_size, fields.LEAST_RESULTS))
        except StalePage:
            place = place.again()
            listing = self._list(place, max(self.limits.page_size, fields.LEAST_RESULTS))
        found = [post for post in reader.posts(listing) if place.takes(post.id)]
        self._kept.keep([*reader.brought(listing), *found])
        page, rest = found[: self.limits.page_size], found[self.limits.page_size :]
        behind = place.behind([post.id for post in page], left=bool(rest), next_token=listing.meta.next_token)
        more = bool(rest) or listing.meta.next_token is not None
        return Page(tuple(sorted(page, key=lambda post: post.created_at)), str(behind), more)

    def fetch_post(self, post_id: str) -> Post:
        """One post; one that was read a short while ago is not asked for again."""
        return self._kept.get(post_id) or self._look_up(post_id)

    def reply(self, draft: Draft) -> SentReply:
        """Post a reply. X has no idempotency keys: a repetition is found by its refusal of the same text."""
        with self._guard:
            if draft.key in self._sent:
                return self._sent[draft.key]
        if not self.text_rules.fits(draft.text):
            raise ReplyRefused("the reply is longer than X takes; shorten its template")
        try:
            sent = self._poster.post(self.me(), draft)
        except NoSuchParent as refusal:
            self._look_up(draft.in_reply_to)  # says whether it is gone or hidden
            raise ReplyRefused(f"{refusal}; its author does not let the bot reply") from refusal
        with self._guard:
            self._sent[draft.key] = sent
            if len(self._sent) > _MOST_KEYS:
                self._sent.popitem(last=False)
        return sent

    def find_reply(self, draft: Draft) -> SentReply | None:
        """The own post that answers the draft's parent with its text, read back from X."""
        return self._poster.find(self.me(), draft)

    def retract(self, reply_id: str) -> None:
        """Delete one of the bot's own posts."""
        self._poster.retract(reply_id)

    def close(self) -> None:
        """Let connections go."""
        self._client.close()

    def _list(self, place: Cursor, size: int) -> Listing:
        me = self.me()
        return self._client.ask(
            "mentions",
            Listing,
            lambda api: api.get_users_mentions(
                me.id,
                since_id=place.since_id,
                pagination_token=place.token,
                max_results=size,
                expansions=fields.EXPANSIONS,
                tweet_fields=fields.TWEET_FIELDS,
                media_fields=fields.MEDIA_FIELDS,
                user_fields=fields.USER_FIELDS,
                user_auth=as_user(api),
            ),
            cost=2 * size * self._prices.read,
            actual=self._cost_of,
            as_app=True,
        )

    def _cost_of(self, listing: Listing) -> Decimal:
        """Every post of an answer, also those that came along: X does not say that these are free."""
        return (len(listing.data) + len(listing.includes.tweets)) * self._prices.read

    def _look_up(self, post_id: str) -> Post:
        if not (post_id.isascii() and post_id.isdigit() and len(post_id) <= 19):
            raise PostGone(f"there is no post {post_id!r} on X: ids are digits")
        reader = Reader(self.me())
        listing = self._client.ask(
            "posts",
            Listing,
            lambda api: api.get_tweets(
                [post_id],
                expansions=fields.EXPANSIONS,
                tweet_fields=fields.TWEET_FIELDS,
                media_fields=fields.MEDIA_FIELDS,
                user_fields=fields.USER_FIELDS,
                user_auth=as_user(api),
            ),
            cost=2 * self._prices.read,
            actual=self._cost_of,
        )
        for post in reader.posts(listing):
            if post.id == post_id:
                self._kept.keep([*reader.brought(listing), post])
                return post
        raise _missing(post_id, listing)


class _KeptPosts:
    """Posts that were read, for a while."""

    def __init__(self, clock: Clock, keep: timedelta) -> None:
        self._clock = clock
        self._keep = keep
        self._guard = threading.Lock()
        self._posts: OrderedDict[str, tuple[datetime, Post]] = OrderedDict()

    def keep(self, posts: Iterable[Post]) -> None:
        until = self._clock.now() + self._keep
        with self._guard:
            for post in posts:
                self._posts[post.id] = (until, post)
                self._posts.move_to_end(post.id)
            while len(self._posts) > _MOST_KEPT:
                self._posts.popitem(last=False)

    def get(self, post_id: str) -> Post | None:
        with self._guard:
            until, post = self._posts.get(post_id, (None, None))
            return post if until is not None and self._clock.now() < until else None


def _missing(post_id: str, listing: Listing) -> PostGone | PostHidden | PlatformUnavailable:
    types = {problem.type for problem in listing.errors}
    if fields.NOT_AUTHORIZED in types:
        return PostHidden(f"the post {post_id} on X is protected, or its author blocks the bot")
    if fields.NOT_FOUND in types:
        return PostGone(f"there is no post {post_id} on X (any longer)")
    return PlatformUnavailable(f"X says nothing of the post {post_id}; it will be asked again")
