"""What every page of the console works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.model import Analyzer
    from bot.card import Cards
    from bot.config import Settings
    from bot.flow import Flow
    from bot.health import HealthReport
    from bot.keeping import Keeper
    from bot.platforms.base import Platform
    from bot.platforms.gate import Budgets
    from bot.resolver import Resolver
    from bot.thumbnails import Thumbnails
    from bot.web.console.guard import Guard
    from bot.web.console.pages import Pages
    from bot.writer import Writer
    from state.store import Store


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts of the running bot that operators see and act on.

    ``wake`` has new jobs taken up at once; ``cards`` is None where replies go without.
    """

    settings: Settings
    store: Store
    flow: Flow
    writer: Writer
    analyzer: Analyzer
    resolver: Resolver
    keeper: Keeper
    platforms: Mapping[str, Platform]
    health: Callable[[], HealthReport]
    budgets: Callable[[], Sequence[Budgets]]
    wake: Callable[[], None]
    pages: Pages
    guard: Guard
    thumbnails: Thumbnails
    cards: Cards | None
