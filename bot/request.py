"""What a mention asks for: which post is meant, and what media it has.

In this order: media in the mention itself, in the post that it replies to, in the quoted post, further up the
thread (bounded), in a boosted original. The first of them that has media is meant, with all its media.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.errors import BotError, PostGone, PostHidden, ResolveError, ResolveFailure
from bot.platforms.base import Attachment, Platform, Post
from bot.resolver import MediumRef, Resolver

MAX_LINKS = 4


@dataclass(frozen=True, slots=True)
class Request:
    """The post that is meant and its media, as the platform or the links in it name them."""

    target: Post
    attachments: tuple[Attachment | MediumRef, ...]


class NothingToCheck(BotError):
    """No media anywhere near the mention.

    ``reason`` is None where nobody asked for anything (a chat with the bot); else why there is nothing.
    """

    def __init__(self, reason: str | None, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def find_request(platform: Platform, resolver: Resolver, mention: Post, thread_depth: int) -> Request:
    """Find what is to be checked.

    Raises:
        NothingToCheck: there is nothing, with the reason.
        RateLimited, PlatformUnavailable: the platform could not be asked; try again later.
        ResolveError: a link could not be followed for now and nothing else was found; try again later.
    """
    problems: list[BotError] = []
    for post in _candidates(platform, mention, thread_depth, problems):
        attachments = post.attachments or _linked_media(resolver, post, problems)
        if attachments:
            return Request(post, attachments)
    for problem in problems:
        if isinstance(problem, ResolveError) and problem.passing:
            raise problem
    if problems:
        raise NothingToCheck(_reason(problems[0]), str(problems[0]))
    if mention.parent_id or mention.quoted_id or mention.boosted_id or mention.links:
        raise NothingToCheck(ResolveFailure.NO_MEDIA, "neither the post nor its thread has any media")
    raise NothingToCheck(None, "the mention stands alone and has no media")


def _candidates(
    platform: Platform, mention: Post, thread_depth: int, problems: list[BotError]
) -> Iterator[Post]:
    """Posts that may be meant, in the order of the module's text; what cannot be had is noted."""

    def fetch(post_id: str | None) -> Post | None:
        if post_id is None or post_id in seen:
            return None
        seen.add(post_id)
        try:
            return platform.fetch_post(post_id)
        except (PostGone, PostHidden) as problem:
            problems.append(problem)
            return None

    seen = {mention.id}
    yield mention
    parent = fetch(mention.parent_id)
    if parent is not None:
        yield parent
    for quoting in (mention, parent):
        if quoting is not None and (quoted := fetch(quoting.quoted_id)) is not None:
            yield quoted
    above = parent
    for _ in range(thread_depth):
        above = fetch(above.parent_id) if above is not None else None
        if above is None:
            break
        yield above
    for boosting in (mention, parent):
        if boosting is not None and (boosted := fetch(boosting.boosted_id)) is not None:
            yield boosted


def _linked_media(resolver: Resolver, post: Post, problems: list[BotError]) -> tuple[MediumRef, ...]:
    """Media behind the links in a post's text; links to anything else are passed over."""
    found: list[MediumRef] = []
    for url in post.links[:MAX_LINKS]:
        try:
            resolution = resolver.resolve(url)
        except ResolveError as problem:
            if problem.reason is not ResolveFailure.UNSUPPORTED:
                problems.append(problem)
            continue
        found += resolution.media
    return tuple(found)


def _reason(problem: BotError) -> str:
    if isinstance(problem, ResolveError):
        return problem.reason
    return "post_gone" if isinstance(problem, PostGone) else "post_hidden"
