"""A whole bot over one platform, from watcher to responder, on a clock that jumps on when all is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from analysis.stub import StubAnalyzer
from bot.analyses import Analyses
from bot.clock import FakeClock
from bot.errors import PlatformError
from bot.flow import Flow
from bot.manners import Manners
from bot.patience import Patience
from bot.platforms.base import Draft, Platform, SentReply
from bot.resolver import FetchLimits, MediaStore, Resolver
from bot.resolver.fetcher import GuardedFetcher
from bot.writer import Writer
from state.model import MentionRow, MentionState, Mode, Step
from state.store import Store
from tests.bot.world import png

STEPS = (Step.RESOLVE, Step.ANALYSE, Step.SEND)
PACE = (*[60.0] * 30, *[600.0] * 30, *[3600.0] * 66)
"""How the clock goes on, in seconds: three days."""


class Illustrated:
    """A platform whose replies all carry a card."""

    def __init__(self, inner: Platform, card: Path) -> None:
        card.write_bytes(png(7))
        self._inner = inner
        self._card = card

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def reply(self, draft: Draft) -> SentReply:
        return self._inner.reply(replace(draft, image=self._card, image_alt_text="the verdict"))


@dataclass
class Bot:
    """The parts."""

    platform: Platform
    store: Store
    flow: Flow
    clock: FakeClock

    def look(self) -> None:
        """One pass of the watcher; what the platform refuses is read at the next one."""
        try:
            cursor, more = self.store.cursors.get(self.platform.name), True
            cursor = cursor or self.platform.cursor_at_start()
            while more:
                page = self.platform.mentions(cursor)
                self.flow.accept(self.platform, page)
                cursor, more = page.cursor, page.more
        except PlatformError:
            return

    def pass_once(self) -> None:
        """Everything that can be done now."""
        self.look()
        while any(self._step(step) for step in STEPS):
            pass

    def busy(self) -> bool:
        """Whether a step is left to do, now or later."""
        return self.store.queue.open_count([self.platform.name], *STEPS) > 0

    def live(self, seconds: float) -> None:
        """Let the bot live for so long, or until a mention has come to its end and nothing is left to do."""
        lived = 0.0
        for pause in PACE:
            self.pass_once()
            if self.mentions() and not self.busy():
                return
            if lived >= seconds:
                return
            self.clock.advance(pause)
            lived += pause

    def _step(self, step: Step) -> bool:
        jobs = self.flow.claim(step, (self.platform.name,), 4)
        for job in jobs:
            self.flow.run(job)
        return bool(jobs)

    def mentions(self) -> list[MentionRow]:
        """Every mention that was stored."""
        return list(self.store.mentions.in_state(*MentionState))


@contextmanager
def bot_over(folder: Path, platform: Platform, clock: FakeClock) -> Iterator[Bot]:
    """A fresh bot with its data in this folder."""
    folder.mkdir()
    store = Store(folder / "state.sqlite3", Mode.LIVE, clock.now)
    limits = FetchLimits(ports=frozenset(range(1024, 65_536)))
    resolver = Resolver(GuardedFetcher(limits, allow_networks=["127.0.0.0/8"]), MediaStore(folder / "media"))
    illustrated: Any = Illustrated(platform, folder / "card.png")
    flow = Flow(
        store,
        {platform.name: illustrated},
        resolver,
        Analyses(store, resolver.path, StubAnalyzer()),
        Writer(store, "en"),
        Manners(100, timedelta(days=10_000)),
        Patience(attempts=9, backoff_base=10, backoff_max=3600, lease=600, notice_after=1e6),
    )
    try:
        yield Bot(illustrated, store, flow, clock)
    finally:
        resolver.close()
        store.close()
