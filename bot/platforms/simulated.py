"""Test mode: read a platform for real, post nothing."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from bot.errors import ReplyRefused
from bot.platforms.base import Account, Draft, Page, Platform, Post, Pushing, SentReply, TextRules
from bot.platforms.reply_log import ReplyLog


class SimulatedPlatform:
    """A platform whose reads are real and whose replies go to a `ReplyLog` and nowhere else.

    It refuses what the platform would refuse, as far as reading can tell: a text over the limit, and a post
    that is gone or hidden (one read for each reply).
    """

    def __init__(self, inner: Platform, log: ReplyLog) -> None:
        self._inner = inner
        self._log = log
        self.name = inner.name
        self.limits = inner.limits
        self.file_root = inner.file_root

    @property
    def text_rules(self) -> TextRules:
        """The platform's, as it knows them now."""
        return self._inner.text_rules

    def me(self) -> Account:
        """The bot's own account."""
        return self._inner.me()

    def cursor_at_now(self) -> str:
        """A cursor behind every mention that exists now."""
        return self._inner.cursor_at_now()

    def cursor_at_start(self) -> str:
        """A cursor before every mention that the platform still lists."""
        return self._inner.cursor_at_start()

    def mentions(self, cursor: str) -> Page:
        """The next page of mentions behind the cursor."""
        return self._inner.mentions(cursor)

    def fetch_post(self, post_id: str) -> Post:
        """One post by its id."""
        return self._inner.fetch_post(post_id)

    def reply(self, draft: Draft) -> SentReply:
        """Write the reply down; errors as in `Platform.reply`."""
        standing = self._log.find(draft.key)
        if standing is not None:
            return standing
        if not self.text_rules.fits(draft.text):
            raise ReplyRefused(f"the reply is longer than {self.name} takes; shorten its template")
        self._inner.fetch_post(draft.in_reply_to)
        return self._log.append(draft)

    def find_reply(self, draft: Draft) -> SentReply | None:
        """The simulated reply that this draft has already become, if any."""
        return self._log.find(draft.key)

    def retract(self, reply_id: str) -> None:
        """Note that the simulated reply is taken back."""
        self._log.retract(reply_id)

    def close(self) -> None:
        """Release connections and files."""
        self._inner.close()


class SimulatedPushing(SimulatedPlatform):
    """The same of a platform that can tell at once that something is new."""

    def __init__(
        self, inner: Platform, log: ReplyLog, listen: Callable[[Callable[[], None], Event], None]
    ) -> None:
        super().__init__(inner, log)
        self._listen = listen

    def listen(self, on_news: Callable[[], None], stopping: Event) -> None:
        """Hold the platform's own stream."""
        self._listen(on_news, stopping)


def simulate(inner: Platform, log: ReplyLog) -> SimulatedPlatform:
    """A platform as it is in test mode."""
    return (
        SimulatedPushing(inner, log, inner.listen)
        if isinstance(inner, Pushing)
        else SimulatedPlatform(inner, log)
    )
