"""Replies on X: post, read back, take back. X keeps no idempotency keys, so its own posts are the record."""

from __future__ import annotations

import base64
import html
import mimetypes
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import structlog
import tweepy

from bot.clock import Clock
from bot.errors import ReplyRefused
from bot.platforms.base import Account, Draft, SentReply
from bot.platforms.text import http_urls
from bot.platforms.x import fields
from bot.platforms.x.client import Ask, Client, as_user
from bot.platforms.x.fields import Listing, Single, Tweet
from bot.platforms.x.reading import tweets
from bot.platforms.x.refusals import Duplicate, Missing

_log = structlog.get_logger(__name__)

_LEADING_HANDLES = re.compile(r"(?:@\w{1,15}\s+)+", re.ASCII)
_URL = re.compile(r"https?://\S+")
_FIRST_PAGE = 10

LONGEST_DOUBT = timedelta(days=7)
"""No reply is tried for longer than this, so that older posts need not be read, and paid for, to find it."""


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars: for each post read, each own post read, a post, and a post with a link."""

    read: Decimal
    own_read: Decimal
    post: Decimal
    post_with_link: Decimal

    def of(self, text: str) -> Decimal:
        """What posting this text costs."""
        return self.post_with_link if http_urls(text) else self.post


class Poster:
    """One account's replies. Errors as in `bot.platforms.base.Platform`."""

    def __init__(self, client: Client, prices: Prices, clock: Clock) -> None:
        self._client = client
        self._prices = prices
        self._clock = clock

    def post(self, me: Account, draft: Draft) -> SentReply:
        """Post a reply; where X calls it a repetition, the one that stands.

        Raises:
            NoSuchParent: the parent is gone or hidden; X does not say which.
        """
        media = self._upload(draft)

        def create(api: tweepy.Client) -> Any:
            return api.create_tweet(
                text=draft.text,
                in_reply_to_tweet_id=draft.in_reply_to,
                media_ids=media or None,
                user_auth=as_user(api),
            )

        cost = self._prices.of(draft.text)
        try:
            made = self._client.ask("reply", Single, create, cost=cost, effect=True)
        except Duplicate as refusal:
            standing = self.find(me, draft)
            if standing is None:
                raise ReplyRefused("X holds the text for a repetition of another reply; vary it") from refusal
            return standing
        return _sent(me, made.data.id)

    def find(self, me: Account, draft: Draft) -> SentReply | None:
        """The own post behind the mention that answers it with this text."""
        wanted = essence(draft.text)
        oldest = self._clock.now() - LONGEST_DOUBT
        for tweet in self._own_posts(me, draft.in_reply_to):
            if tweet.created_at < oldest:
                return None
            parents = {each.id for each in tweet.referenced_tweets if each.type == fields.REPLIED_TO}
            if draft.in_reply_to in parents and _essence_of(tweet) == wanted:
                return _sent(me, tweet.id)
        return None

    def retract(self, reply_id: str) -> None:
        """Delete an own post; one that no longer stands is fine."""
        with suppress(Missing):
            self._client.ask(
                "retract", fields.Answer, lambda api: api.delete_tweet(reply_id, user_auth=as_user(api))
            )

    def _own_posts(self, me: Account, since: str) -> Iterator[Tweet]:
        """The bot's posts that are newer than one, newest first: a short page, then long ones."""
        listing = self._own_page(me, since, _FIRST_PAGE, None)
        yield from tweets(listing.data)
        while (token := listing.meta.next_token) is not None:
            listing = self._own_page(me, since, fields.MOST_RESULTS, token)
            yield from tweets(listing.data)

    def _own_page(self, me: Account, since: str, size: int, token: str | None) -> Listing:
        def read(api: tweepy.Client) -> Any:
            return api.get_users_tweets(
                me.id,
                since_id=since,
                max_results=size,
                pagination_token=token,
                tweet_fields=fields.OWN_TWEET_FIELDS,
                user_auth=as_user(api),
            )

        price = self._prices.own_read
        return self._client.ask(
            "find_reply", Listing, read, cost=size * price, actual=lambda found: len(found.data) * price
        )

    def _upload(self, draft: Draft) -> list[str]:
        """The draft's image at X, described; none where the file has gone, for the text says it all."""
        if draft.image is None:
            return []
        try:
            image = draft.image.read_bytes()
        except OSError as error:
            _log.warning("reply goes without its image", platform="x", cause=error.strerror)
            return []
        upload = {
            "media": base64.b64encode(image).decode("ascii"),
            "media_category": fields.MEDIA_CATEGORY,
            "media_type": mimetypes.guess_type(draft.image.name)[0] or "image/png",
        }
        made = self._client.ask("upload", Single, _posting(fields.MEDIA_UPLOAD, upload))
        if draft.image_alt_text:
            text = draft.image_alt_text[: fields.LONGEST_ALT_TEXT]
            described = {"id": made.data.id, "metadata": {"alt_text": {"text": text}}}
            self._client.ask("describe", fields.Answer, _posting(fields.MEDIA_METADATA, described))
        return [made.data.id]


def _posting(route: str, body: object) -> Ask:
    """A request that tweepy has no method for, by way of its own signing."""
    return lambda api: api.request("POST", route, json=body, user_auth=as_user(api))


def essence(text: str) -> str:
    """What stays of a text on its way through X: no handles before it, no forms of links, no white space.

    Nor signs that are not seen: right-to-left replies begin with some, and X may leave them out.
    """
    seen = (sign for sign in html.unescape(text) if unicodedata.category(sign) != "Cf")
    text = unicodedata.normalize("NFC", "".join(seen)).strip()
    leading = _LEADING_HANDLES.match(text)
    return "".join(_URL.sub("", text[leading.end() :] if leading else text).split())


def _essence_of(tweet: Tweet) -> str:
    return essence(tweet.note_tweet.text if tweet.note_tweet else tweet.text)


def _sent(me: Account, post_id: str) -> SentReply:
    return SentReply(post_id, f"https://x.com/{me.handle}/status/{post_id}")
