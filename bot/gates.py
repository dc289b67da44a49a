"""The gates of the configured platforms, with what outlasts the process kept in the store."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.config import Settings
    from bot.platforms.gate import Gate
    from state.store import Store

GATE_SETTINGS = ("daily_cap", "warn_at")
"""What a platform's section says to its gate and not to the platform. Those that cost nothing have none."""


def build_gates(settings: Settings, store: Store | None = None) -> dict[str, Gate]:
    """A gate for each platform. Without a store they know nothing of earlier runs, and remember nothing."""
    return {name: _gate(name, getattr(settings, name, None), store) for name in settings.platforms}


def _gate(name: str, section: Any, store: Store | None) -> Gate:
    from bot.platforms.gate import Gate

    said = {key: getattr(section, key) for key in GATE_SETTINGS if hasattr(section, key)}
    if said.get("daily_cap") is not None:
        said["daily_cap"] = Decimal(str(said["daily_cap"]))
    if store is not None:
        said |= {"ledger": store.spending.of(name), "pauses": store.pauses.of(name)}
    return Gate(name, **said)
