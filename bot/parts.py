"""The parts of a running bot, built from settings and put together."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.assembly import (
    build_keeper,
    build_platforms,
    build_recall,
    build_resolver,
    media_limits,
    open_store,
)
from bot.gates import build_gates
from bot.site_changes import note_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from threading import Event

    from analysis.model import Analyzer, Recall
    from bot.card import Cards
    from bot.config import Settings
    from bot.flow import Flow
    from bot.keeping import Keeper
    from bot.pausing import QuietHours
    from bot.platforms.base import Platform
    from bot.platforms.gate import Gate
    from bot.resolver import Resolver
    from bot.service import Service
    from bot.writer import Writer
    from state.model import MentionRow, ReplyRow
    from state.store import Store

    MakeAnalyzer = Callable[[Settings, Recall | None], Analyzer]
    OnClosed = Callable[[MentionRow, ReplyRow | None], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a running bot."""

    settings: Settings
    store: Store
    flow: Flow
    analyzer: Analyzer
    resolver: Resolver
    keeper: Keeper
    platforms: Sequence[Platform]
    service: Service


@contextmanager
def put_together(
    settings: Settings,
    make_analyzer: MakeAnalyzer,
    stopping: Event,
    *,
    draws_cards: bool,
    on_closed: OnClosed = lambda *_: None,
    engine_problem: Callable[[], str | None] = lambda: None,
) -> Iterator[Parts]:
    """The parts, until the block ends; nothing runs, and nobody else may work in the data folder.

    Args:
        stopping: set, it asks the loops to stop.
        draws_cards: whether verdicts go out with their cards.
        on_closed: told of every mention that has come to its end.
        engine_problem: why the engine cannot judge now, None if it can.

    Raises:
        ConfigError: one of them cannot be built as configured.
    """
    with ExitStack() as stack:
        store = open_store(settings)
        stack.callback(store.close)
        gates = build_gates(settings, store)
        platforms = build_platforms(settings, gates)
        for platform in platforms:
            stack.callback(platform.close)
        resolver = build_resolver(settings, watch=note_changes(store))
        stack.callback(resolver.close)
        analyzer = make_analyzer(settings, build_recall(settings, store))
        stack.callback(analyzer.close)
        cards = build_cards(settings, store, resolver) if draws_cards else None
        if cards is not None:
            stack.callback(cards.close)
        flow = build_flow(settings, store, platforms, resolver, analyzer, on_closed, cards)
        keeper = build_keeper(settings, store, resolver.files)
        service = build_service(settings, flow, platforms, gates, keeper, engine_problem, stopping)
        yield Parts(settings, store, flow, analyzer, resolver, keeper, platforms, service)


def build_writer(settings: Settings, store: Store) -> Writer:
    """The writer of replies."""
    from bot.writer import Writer

    reply = settings.reply
    return Writer(
        store,
        reply.language,
        to_media_post=reply.target == "media_post",
        estimate=reply.estimate,
        link=reply.link,
        public_url=settings.web.public_url if settings.public.enabled else None,
    )


def build_cards(settings: Settings, store: Store, resolver: Resolver) -> Cards:
    """What draws the cards of verdicts."""
    from bot.card import Cards, Thumbnail
    from bot.thumbnails import Thumbnails

    thumbnails = Thumbnails(settings.data_dir / "thumbnails", resolver.path, media_limits(settings))
    return Cards(store, settings.data_dir / "cards", thumbnails, Thumbnail(settings.reply.card_medium))


def quiet_hours(settings: Settings) -> QuietHours | None:
    """The hours in which nothing is posted, if any."""
    from zoneinfo import ZoneInfo

    from bot.config.manners import hours
    from bot.pausing import QuietHours

    chosen = settings.manners
    if chosen.quiet_hours is None:
        return None
    return QuietHours(*hours(chosen.quiet_hours), ZoneInfo(chosen.time_zone))


def build_flow(
    settings: Settings,
    store: Store,
    platforms: Sequence[Platform],
    resolver: Resolver,
    analyzer: Analyzer,
    on_closed: OnClosed,
    cards: Cards | None = None,
) -> Flow:
    """The flow of mentions through all these parts; with `cards`, verdicts go out with theirs."""
    from datetime import timedelta

    from bot.analyses import Analyses
    from bot.flow import Flow
    from bot.manners import Manners
    from bot.patience import Patience
    from bot.pausing import Pausing

    manners, queue = settings.manners, settings.queue
    return Flow(
        store,
        {platform.name: platform for platform in platforms},
        resolver,
        Analyses(store, resolver.path, analyzer),
        build_writer(settings, store),
        Manners(
            manners.per_asker_per_hour,
            timedelta(hours=settings.watch.max_age_hours),
            frozenset(map(str.casefold, manners.blocked)),
            frozenset(map(str.casefold, manners.allowed)),
            manners.per_thread_per_day,
            manners.max_exchanges,
        ),
        Patience(
            queue.attempts,
            queue.backoff_base,
            queue.backoff_max,
            queue.lease,
            settings.reply.pending_after,
            settings.reply.give_up_after * 3600,
        ),
        thread_depth=manners.thread_depth,
        pausing=Pausing(store, quiet_hours(settings)),
        attach=cards.attach if cards else None,
        on_closed=on_closed,
    )


def build_service(
    settings: Settings,
    flow: Flow,
    platforms: Sequence[Platform],
    gates: Mapping[str, Gate],
    keeper: Keeper,
    engine_problem: Callable[[], str | None],
    stopping: Event,
) -> Service:
    """The loops over a flow, until `stopping` is set."""
    from bot.clock import SystemClock
    from bot.service import Service

    return Service(
        flow,
        platforms,
        gates,
        keeper,
        SystemClock(),
        sweep_interval=settings.media.sweep_interval,
        watch_interval=settings.watch.interval,
        analyst_interval=settings.analyst.interval,
        reply_interval=settings.reply.interval,
        from_the_start=settings.watch.first_start == "all",
        page_pause=settings.watch.page_pause,
        resolve_workers=settings.analyst.resolve_workers,
        in_flight=settings.analyst.in_flight,
        engine_problem=engine_problem,
        stopping=stopping,
    )
