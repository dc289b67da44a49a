"""A bot in a test's own hands: every part but the threads, on a clock that the test moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from analysis.limits import Limits
from analysis.model import Analyzer
from analysis.stub import StubAnalyzer
from bot.analyses import Analyses
from bot.card import Cards, Thumbnail
from bot.clock import FakeClock
from bot.flow import Flow
from bot.manners import Manners
from bot.patience import Patience
from bot.pausing import Pausing, QuietHours
from bot.platforms.base import Draft, Post, SentReply
from bot.platforms.inbox import InboxPlatform
from bot.resolver import FetchLimits, MediaStore, Resolver
from bot.resolver.fetcher import GuardedFetcher
from bot.thumbnails import Thumbnails
from bot.writer import Writer
from state.model import MentionRow, MentionState, Mode, ReplyRow, Step
from state.store import Store
from tests.bot.world import InboxWorld
from tests.state.conftest import START

LATER = timedelta(hours=1)
STEPS = (Step.RESOLVE, Step.ANALYSE, Step.SEND, Step.RETRACT)


class FaultyInbox(InboxPlatform):
    """The platform `inbox` with faults on demand, each raised once, in order.

    ``before`` are raised instead of a reply, ``after`` once it stands, ``fetching`` instead of a post,
    ``retracting`` instead of taking a reply back.
    ``requests`` counts the replies that were asked for.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.before: list[Exception] = []
        self.after: list[Exception] = []
        self.fetching: list[Exception] = []
        self.retracting: list[Exception] = []
        self.requests = 0

    def fetch_post(self, post_id: str) -> Post:
        if self.fetching:
            raise self.fetching.pop(0)
        return super().fetch_post(post_id)

    def retract(self, reply_id: str) -> None:
        if self.retracting:
            raise self.retracting.pop(0)
        super().retract(reply_id)

    def reply(self, draft: Draft) -> SentReply:
        self.requests += 1
        if self.before:
            raise self.before.pop(0)
        sent = super().reply(draft)
        if self.after:
            raise self.after.pop(0)
        return sent


@dataclass
class Rig:
    """The parts, and `settle` to let everything happen."""

    world: InboxWorld
    platform: FaultyInbox
    store: Store
    flow: Flow
    clock: FakeClock
    writer: Writer
    files: MediaStore
    closed: list[tuple[MentionRow, ReplyRow | None]] = field(default_factory=list)

    def watch(self) -> int:
        """Store every mention that is there."""
        cursor = self.store.cursors.get("inbox") or self.platform.cursor_at_start()
        new, more = 0, True
        while more:
            page = self.platform.mentions(cursor)
            new += self.flow.accept(self.platform, page)
            cursor, more = page.cursor, page.more
        return new

    def step(self, step: Step) -> int:
        """Run what is due of one kind of step."""
        count = 0
        while jobs := self.flow.claim(step, ("inbox",), 1):
            self.flow.run(jobs[0])
            count += 1
        return count

    def settle(self, hours: int = 48) -> None:
        """Let everything happen, hour after hour, until nothing is open."""
        self.watch()
        for _ in range(hours):
            while any(self.step(step) for step in STEPS):
                pass
            if self.store.queue.open_count(["inbox"], *STEPS) == 0:
                return
            self.clock.advance(LATER.total_seconds())
        raise AssertionError("something is still open")

    def end(self, name: str) -> str:
        """What became of a mention."""
        for mention in self.store.mentions.in_state(*MentionState):
            if mention.post.platform_id == name:
                return f"{mention.state}:{mention.reason}" if mention.reason else str(mention.state)
        return "unknown"

    def replies_to(self, name: str) -> list[str]:
        """The texts of the replies that stand under a mention."""
        return [reply["text"] for reply in self.world.replies() if reply["in_reply_to"] == name]

    def reply_counts(self) -> Counter[str]:
        """How many replies stand under each mention."""
        return Counter(reply["in_reply_to"] for reply in self.world.replies())


@contextmanager
def rig(
    folder: Path,
    *,
    analyzer: Analyzer | None = None,
    make_analyzer: Callable[[Store], Analyzer] = lambda _: StubAnalyzer(),
    platform: Callable[[Path], FaultyInbox] = FaultyInbox,
    clock: FakeClock | None = None,
    manners: Manners | None = None,
    quiet_hours: QuietHours | None = None,
    to_media_post: bool = False,
    with_cards: bool = False,
) -> Iterator[Rig]:
    """A rig over a fresh inbox in this folder. An analyzer with a memory is made over the rig's store."""
    world = InboxWorld(folder / "inbox")
    clock = clock or FakeClock(START)
    store = Store(folder / "state.sqlite3", Mode.LIVE, clock.now)
    resolver = Resolver(GuardedFetcher(FetchLimits()), MediaStore(folder / "media"))
    inbox = platform(world.folder)
    writer = Writer(store, "en", to_media_post=to_media_post)
    closed: list[tuple[MentionRow, ReplyRow | None]] = []
    thumbnails = Thumbnails(folder / "thumbnails", resolver.path, Limits())
    cards = Cards(store, folder / "cards", thumbnails, Thumbnail.BLURRED)
    flow = Flow(
        store,
        {"inbox": inbox},
        resolver,
        Analyses(store, resolver.path, analyzer or make_analyzer(store)),
        writer,
        manners or Manners(100, timedelta(hours=1000)),
        Patience(attempts=3, backoff_base=10, backoff_max=1000, lease=60, notice_after=300),
        pausing=Pausing(store, quiet_hours),
        attach=cards.attach if with_cards else None,
        on_closed=lambda mention, reply: closed.append((mention, reply)),
    )
    try:
        yield Rig(world, inbox, store, flow, clock, writer, resolver.files, closed)
    finally:
        cards.close()
        resolver.close()
        store.close()
