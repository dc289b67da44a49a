"""Who gets an answer: decided once, when a mention is stored, from what is known without any request."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from bot.orders import START, STOP, Orders, read_orders, says
from bot.platforms.base import Account, Post
from state.model import MentionRow
from state.store import Store


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done with a mention: why it gets no answer (None: it gets one), and what it asks for."""

    ignore: str | None
    orders: Orders = field(default_factory=Orders)


@dataclass(frozen=True, slots=True)
class Manners:
    """The rules of politeness. Handles are compared without case and without the leading @.

    ``per_thread_per_day`` and ``max_exchanges`` are None where nothing is limited: how many mentions of one
    thread are taken up in 24 hours, and how often one person and the bot may answer each other in a row.
    """

    per_asker_per_hour: int
    max_age: timedelta
    blocked: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    per_thread_per_day: int | None = None
    max_exchanges: int | None = None

    def decide(self, store: Store, platform: str, me: Account, post: Post) -> Decision:
        """Whether this mention gets an answer, and what it asks for. Carries out `stop` and `start`.

        Call inside the transaction that stores the mention, so that a page of many by one asker is counted.
        """
        author = post.author
        if (reason := self._never_answered(store, platform, me, author)) is not None:
            return Decision(reason)
        orders = read_orders(post.text)
        to_the_bot = post.addressed or says(post.text, me.handle)
        below_the_bot = store.mentions.answered_by(platform, post.parent_id) is not None
        if not to_the_bot and not (below_the_bot and orders.any):
            return Decision("not_addressed")
        if orders.opt is not None:
            store.mentions.set_opt_out(platform, author.id, author.handle, out=orders.opt == STOP)
            return Decision("order_stop" if orders.opt != START else "order_start")
        if store.mentions.opted_out(platform, author.id):
            return Decision("opted_out")
        if store.now() - post.created_at > self.max_age:
            return Decision("too_old")
        if orders.thanks and below_the_bot:
            return Decision("nothing_asked")
        if self._goes_in_circles(store, platform, post):
            return Decision("loop")
        if self._asked_too_often(store, platform, author.id):
            return Decision("asker_limit")
        return Decision(None, replace(orders, thanks=False))

    def full_thread(self, store: Store, mention: MentionRow, thread: str) -> bool:
        """Whether as many other mentions of this thread as may be have been taken up within a day.

        Call inside the transaction that goes on with the mention.
        """
        if self.per_thread_per_day is None:
            return False
        since = store.now() - timedelta(days=1)
        return store.mentions.before_in_thread(mention, thread, since) >= self.per_thread_per_day

    def turned_away(self, store: Store, mention: MentionRow) -> str | None:
        """Why this asker shall hear nothing more, whatever is ready for them; None where they may."""
        author = mention.post
        if self._blocked(store, mention.platform, author.author_id, author.author_handle):
            return "blocked"
        return "opted_out" if store.mentions.opted_out(mention.platform, author.author_id) else None

    def _never_answered(self, store: Store, platform: str, me: Account, author: Account) -> str | None:
        if author.id == me.id:
            return "own_post"
        if author.is_bot:
            return "bot"
        return "blocked" if self._blocked(store, platform, author.id, author.handle) else None

    def _blocked(self, store: Store, platform: str, author_id: str, handle: str) -> bool:
        plain = handle.casefold()
        if plain in self.blocked or (self.allowed and plain not in self.allowed):
            return True
        return store.blocks.holds(platform, author_id, handle)

    def _asked_too_often(self, store: Store, platform: str, author_id: str) -> bool:
        since = store.now() - timedelta(hours=1)
        return store.mentions.asked_since(platform, author_id, since) >= self.per_asker_per_hour

    def _goes_in_circles(self, store: Store, platform: str, post: Post) -> bool:
        """Whether this account and the bot have answered each other too often, as two bots would for ever."""
        if self.max_exchanges is None:
            return False
        above = post.parent_id
        for _ in range(self.max_exchanges):
            answered = store.mentions.answered_by(platform, above)
            if answered is None or answered.post.author_id != post.author.id:
                return False
            above = answered.post.parent_id
        return True
