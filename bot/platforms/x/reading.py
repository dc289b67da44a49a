"""X's JSON, read into posts."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import structlog
from pydantic import ValidationError

from bot.platforms.base import Account, Attachment, Post
from bot.platforms.x import fields
from bot.platforms.x.fields import Listing, Medium, Tweet

_log = structlog.get_logger(__name__)

_HANDLE = re.compile(r"@(\w{1,15})\b", re.ASCII)
_LEADING_HANDLES = re.compile(r"(?:\s*@\w{1,15}\b)+", re.ASCII)
_NO_LANGUAGE = frozenset({"und", "zxx", "qam", "qct", "qht", "qme", "qst"})
_STATUS = re.compile(r"https?://(?:www\.)?(?:x|twitter)\.com/\w+/status/(\d+)(/(?:photo|video)/\d+)?", re.I)
_PICTURES = "pbs.twimg.com"


class Reader:
    """Reads answers for one account: the bot's, whose own handle tells whether it was addressed."""

    def __init__(self, bot: Account) -> None:
        self._bot = bot

    def posts(self, listing: Listing) -> tuple[Post, ...]:
        """The posts that were asked for; one that cannot be read is logged and passed over."""
        book = _Book(listing)
        return tuple(self._post(tweet, book) for tweet in tweets(listing.data))

    def brought(self, listing: Listing) -> tuple[Post, ...]:
        """The posts that came along whole: those whose author and media are in the answer too."""
        book = _Book(listing)
        return tuple(
            self._post(tweet, book)
            for tweet in book.tweets.values()
            if tweet.author_id in book.users and set(tweet.attachments.media_keys) <= set(book.media)
        )

    def _post(self, tweet: Tweet, book: _Book) -> Post:
        handle = book.users.get(tweet.author_id)
        led = {reference.type: reference.id for reference in tweet.referenced_tweets}
        return Post(
            id=tweet.id,
            # X leaves out the account where it is suspended: its id is all there is.
            author=Account(tweet.author_id, handle or tweet.author_id),
            created_at=tweet.created_at,
            text=text_of(tweet),
            url=f"https://x.com/{handle or 'i'}/status/{tweet.id}",
            language=None if tweet.lang in _NO_LANGUAGE else tweet.lang,
            attachments=tuple(book.attachments(tweet)),
            links=tuple(_links(tweet, set(led.values()))),
            parent_id=led.get(fields.REPLIED_TO),
            quoted_id=led.get(fields.QUOTED),
            boosted_id=led.get(fields.RETWEETED),
            thread_id=tweet.conversation_id,
            addressed=self._addressed(tweet, book.tweets.get(led.get(fields.REPLIED_TO, ""))),
        )

    def _addressed(self, tweet: Tweet, parent: Tweet | None) -> bool:
        """Whether the author wrote the bot's handle, rather than X, which puts a thread's before a reply."""
        text = _whole_text(tweet)
        shown_from = tweet.display_text_range[0] if tweet.display_text_range else None
        if shown_from is None:
            leading = _LEADING_HANDLES.match(text)
            shown_from = leading.end() if leading else 0
        if parent is None or self._is_in(text[shown_from:]):
            return True
        return parent.author_id != self._bot.id and not self._is_in(_whole_text(parent))

    def _is_in(self, text: str) -> bool:
        wanted = self._bot.handle.casefold()
        return any(handle.casefold() == wanted for handle in _HANDLE.findall(text))


class _Book:
    """What came along with an answer, by id."""

    def __init__(self, listing: Listing) -> None:
        self.users = {user.id: user.username for user in listing.includes.users}
        self.media = {medium.media_key: medium for medium in listing.includes.media}
        self.tweets = {tweet.id: tweet for tweet in tweets(listing.includes.tweets)}

    def attachments(self, tweet: Tweet) -> Iterator[Attachment]:
        """The post's media, in its order; one that has no file (yet) is left out."""
        for key in tweet.attachments.media_keys:
            found = attachment(self.media[key]) if key in self.media else None
            if found is not None:
                yield replace(found, sensitive=tweet.possibly_sensitive)


def attachment(medium: Medium) -> Attachment | None:
    """The best file of a medium: a picture in its original size, a video at its highest bit rate."""
    if medium.type == fields.PHOTO:
        if medium.url is None:
            return None
        original = f"{medium.url}?name=orig" if urlsplit(medium.url).hostname == _PICTURES else medium.url
        return Attachment(original, alt_text=medium.alt_text)
    films = [each for each in medium.variants if each.content_type == "video/mp4"]
    if films:
        best = max(films, key=lambda variant: variant.bit_rate)
        return Attachment(best.url, best.content_type, medium.alt_text)
    if medium.preview_image_url is not None:
        return Attachment(medium.preview_image_url, alt_text=medium.alt_text)
    return None


def text_of(tweet: Tweet) -> str:
    """The text as its author wrote it: links in full, those to its own media left out, no HTML entities."""
    text = _whole_text(tweet)
    for link in _entities(tweet).urls:
        full = link.expanded_url or link.url
        text = text.replace(link.url, "" if _is_own_medium(link, tweet) else full)
    return html.unescape(text).rstrip()


def _links(tweet: Tweet, led_to: set[str]) -> Iterator[str]:
    for link in _entities(tweet).urls:
        full = link.unwound_url or link.expanded_url or link.url
        status = _STATUS.match(full)
        if not _is_own_medium(link, tweet) and not (status and status[1] in led_to):
            yield full


def _is_own_medium(link: fields.UrlEntity, tweet: Tweet) -> bool:
    status = _STATUS.match(link.expanded_url or "")
    return link.media_key is not None or bool(status and status[2] and status[1] == tweet.id)


def _whole_text(tweet: Tweet) -> str:
    return tweet.note_tweet.text if tweet.note_tweet else tweet.text


def _entities(tweet: Tweet) -> fields.Entities:
    return tweet.note_tweet.entities if tweet.note_tweet else tweet.entities


def tweets(found: tuple[object, ...]) -> Iterator[Tweet]:
    """Those of an answer's posts that can be read; the others are logged."""
    for each in found:
        try:
            yield Tweet.model_validate(each)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, fault["loc"]))
            _log.warning("post passed over", platform="x", field=where, cause=fault["msg"])
