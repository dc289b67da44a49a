"""The stand-in's state as X's JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from bot.standins.x.state import Account, Medium, Tweet, XState

PROBLEMS = "https://api.twitter.com/2/problems/"


def listing(state: XState, tweets: Iterable[Tweet], viewer: Account | None, base_url: str) -> dict[str, Any]:
    """Posts with everything that they lead to; lists that would be empty are left out, as X does."""
    asked = list(tweets)
    led: dict[str, Tweet] = {}
    errors = []
    for tweet in asked:
        for led_to in (tweet.parent_id, tweet.quoted_id):
            found = state.tweets.get(led_to or "")
            if found is None:
                continue
            problem = unseen(state, found.id, viewer, "referenced_tweets.id")
            if problem is None:
                led[found.id] = found
            else:
                errors.append(problem)
    every = [*asked, *led.values()]
    media = {medium.key: medium for tweet in every for medium in tweet.media}
    return some(
        data=[document(tweet) for tweet in asked],
        includes=some(
            users=list({tweet.author.id: user(tweet.author) for tweet in every}.values()),
            tweets=[document(tweet) for tweet in led.values()],
            media=[_medium(medium, base_url) for medium in media.values()],
        ),
        errors=errors,
    )


def some(**parts: Any) -> dict[str, Any]:
    """The parts that are not empty."""
    return {name: part for name, part in parts.items() if part}


def user(account: Account) -> dict[str, Any]:
    """An account."""
    return {"id": account.id, "name": account.handle, "username": account.handle}


def document(tweet: Tweet) -> dict[str, Any]:
    """A post, with every field."""
    text = tweet.text
    links = [
        some(
            url=link.short,
            expanded_url=link.full,
            display_url=link.full.removeprefix("https://"),
            media_key=link.media_key,
        )
        | {"start": text.index(link.short), "end": text.index(link.short) + len(link.short)}
        for link in tweet.links
        if link.short in text
    ]
    led = [("replied_to", tweet.parent_id), ("quoted", tweet.quoted_id)]
    return {
        "id": tweet.id,
        "text": text,
        "author_id": tweet.author.id,
        "created_at": _time(tweet.created_at),
        "conversation_id": tweet.conversation_id,
        "lang": tweet.language,
        "possibly_sensitive": tweet.sensitive,
        "display_text_range": [tweet.shown_from, len(text)],
        "edit_history_tweet_ids": [tweet.id],
    } | some(
        attachments=some(media_keys=[medium.key for medium in tweet.media]),
        entities=some(urls=links),
        referenced_tweets=[{"type": kind, "id": led_to} for kind, led_to in led if led_to],
    )


def unseen(state: XState, tweet_id: str, viewer: Account | None, parameter: str) -> dict[str, Any] | None:
    """The problem with a post that was asked for, if the viewer cannot see it."""
    tweet = state.tweets.get(tweet_id)
    named = {
        "value": tweet_id,
        "resource_id": tweet_id,
        "resource_type": "tweet",
        "parameter": parameter,
    }
    if tweet is None or tweet.deleted:
        return named | {
            "title": "Not Found Error",
            "type": f"{PROBLEMS}resource-not-found",
            "detail": f"Could not find tweet with {parameter}: [{tweet_id}].",
        }
    if state.hidden(tweet, viewer):
        return named | {
            "title": "Authorization Error",
            "type": f"{PROBLEMS}not-authorized-for-resource",
            "section": "data",
            "detail": f"Sorry, you are not authorized to see the Tweet with {parameter}: [{tweet_id}].",
        }
    return None


def problem(status: int, kind: str | None, detail: str) -> dict[str, Any]:
    """The body of a refusal; without a type of its own X says about:blank."""
    titles = {400: "Invalid Request", 401: "Unauthorized", 403: "Forbidden", 429: "Too Many Requests"}
    return {
        "title": titles.get(status, "Error"),
        "detail": detail,
        "type": f"{PROBLEMS}{kind}" if kind else "about:blank",
        "status": status,
    }


def _medium(medium: Medium, base_url: str) -> dict[str, Any]:
    address = f"{base_url}/media/{medium.id}"
    described = some(media_key=medium.key, type=medium.kind, alt_text=medium.alt_text)
    if medium.kind == "photo":
        return described | {"url": address, "width": 64, "height": 64}
    films = [
        {"bit_rate": rate, "content_type": medium.mime, "url": f"{address}?rate={rate}"}
        for rate in (256_000, 2_176_000)
    ]
    return described | {"preview_image_url": f"{address}?preview", "variants": films, "duration_ms": 1000}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
