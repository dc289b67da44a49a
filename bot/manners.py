"""Who gets an answer: decided once, when a mention is stored, from what is known without any request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import regex

from bot.platforms.base import Account, Post
from state.store import Store

STOP, START = "stop", "start"


@dataclass(frozen=True, slots=True)
class Manners:
    """The rules of politeness. Handles are compared without case and without the leading @."""

    per_asker_per_hour: int
    max_age: timedelta
    blocked: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()

    def reason_to_ignore(self, store: Store, platform: str, me: Account, post: Post) -> str | None:
        """Why this mention gets no answer, None if it gets one. Carries out `stop` and `start`.

        Call inside the transaction that stores the mention, so that a page of many by one asker is counted.
        """
        author, handle = post.author, post.author.handle.casefold()
        if author.id == me.id:
            return "own_post"
        if author.is_bot:
            return "bot"
        if handle in self.blocked or (self.allowed and handle not in self.allowed):
            return "blocked"
        if (order := order_in(post.text, me.handle)) is not None:
            store.mentions.set_opt_out(platform, author.id, author.handle, out=order == STOP)
            return f"order_{order}"
        if store.mentions.opted_out(platform, author.id):
            return "opted_out"
        if store.now() - post.created_at > self.max_age:
            return "too_old"
        if self._asked_too_often(store, platform, author.id, store.now()):
            return "asker_limit"
        return None

    def _asked_too_often(self, store: Store, platform: str, author_id: str, now: datetime) -> bool:
        since = now - timedelta(hours=1)
        return store.mentions.asked_since(platform, author_id, since) >= self.per_asker_per_hour


def order_in(text: str, handle: str) -> str | None:
    """`stop` or `start` where that is all that is said to the bot, else None."""
    said = regex.sub(rf"@{regex.escape(handle)}\S*", " ", text, flags=regex.IGNORECASE).strip(" .!\n\t")
    said = said.casefold()
    return said if said in {STOP, START} else None
