"""What a mention asks for: which post is meant, and what media it has.

In this order: media in the mention itself, in the post that it replies to, in the quoted post, further up the
thread (bounded; each post there and what it quotes), in a boosted original. The first of them that has media
is meant, with all its media. The bot's own posts are never meant, with a verdict's picture or not: whoever
answers one of them, or quotes it, means what is further up from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.errors import BotError, PostGone, PostHidden, ResolveError, ResolveFailure
from bot.platforms.base import Attachment, Platform, Post
from bot.resolver import MediumRef, Resolver

MAX_LINKS = 4


@dataclass(frozen=True, slots=True)
class Request:
    """The post that is meant and its media, as the platform or the links in it name them.

    ``thread`` is the id of the highest post of the mention's thread that is known, as far as it was read.
    """

    target: Post
    attachments: tuple[Attachment | MediumRef, ...]
    thread: str


class NothingToCheck(BotError):
    """No media anywhere near the mention.

    ``reason`` is None where nobody asked for anything (a chat with the bot); else why there is nothing.
    ``thread`` as in `Request`.
    """

    def __init__(self, reason: str | None, detail: str, thread: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.thread = thread


def find_request(platform: Platform, resolver: Resolver, mention: Post, thread_depth: int) -> Request:
    """Find what is to be checked.

    Raises:
        NothingToCheck: there is nothing, with the reason.
        RateLimited, PlatformUnavailable: the platform could not be asked; try again later.
        ResolveError: a link could not be followed for now and nothing else was found; try again later.
    """
    me = platform.me()
    problems: list[BotError] = []
    search = _Search(platform, mention, thread_depth, problems)
    for post in search.candidates(me.id):
        if post.author.id == me.id:
            continue
        attachments = post.attachments or _linked_media(resolver, post, problems)
        if attachments:
            return Request(post, attachments, search.thread)
    for problem in problems:
        if isinstance(problem, ResolveError) and problem.passing:
            raise problem
    if problems:
        raise NothingToCheck(_reason(problems[0]), str(problems[0]), search.thread)
    if mention.parent_id or mention.quoted_id or mention.boosted_id or mention.links:
        detail = "neither the post nor its thread has any media"
        raise NothingToCheck(ResolveFailure.NO_MEDIA, detail, search.thread)
    raise NothingToCheck(None, "the mention stands alone and has no media", search.thread)


@dataclass(slots=True)
class _Search:
    """The posts around a mention, each fetched once; what cannot be had is noted in ``problems``."""

    platform: Platform
    mention: Post
    depth: int
    problems: list[BotError]
    thread: str = field(init=False)
    _seen: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.thread = self.mention.parent_id or self.mention.id
        self._seen = {self.mention.id}

    def candidates(self, me: str) -> Iterator[Post]:
        """Posts that may be meant, in the order of the module's text, the bot's own among them."""
        mention = self.mention
        yield mention
        parent = self._above(mention)
        if parent is not None:
            yield parent
        quotes = [post for quoting in (mention, parent) if (post := self._quoted(quoting))]
        yield from quotes
        above = parent
        for _ in range(self.depth):
            if (above := self._above(above)) is None:
                break
            yield above
            if (quoted := self._quoted(above)) is not None:
                yield quoted
        for quote in quotes:
            if quote.author.id == me:
                yield from self._up_from(quote)
        for boosting in (mention, parent):
            if boosting is not None and (boosted := self._fetch(boosting.boosted_id)) is not None:
                yield boosted

    def _above(self, post: Post | None) -> Post | None:
        """The post that this one of the thread replies to."""
        above = self._fetch(post.parent_id) if post is not None else None
        if above is not None:
            self.thread = above.parent_id or above.id
        return above

    def _quoted(self, post: Post | None) -> Post | None:
        return self._fetch(post.quoted_id) if post is not None else None

    def _up_from(self, post: Post) -> Iterator[Post]:
        """The thread above a post that is not in the mention's own."""
        above: Post | None = post
        for _ in range(self.depth):
            above = self._fetch(above.parent_id) if above is not None else None
            if above is not None:
                yield above

    def _fetch(self, post_id: str | None) -> Post | None:
        if post_id is None or post_id in self._seen:
            return None
        self._seen.add(post_id)
        try:
            return self.platform.fetch_post(post_id)
        except (PostGone, PostHidden) as problem:
            self.problems.append(problem)
            return None


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
