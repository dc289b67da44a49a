"""What operators learn of the sites: an event for each route whose site answers in an unknown way."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog

from bot.errors import ResolveFailure
from bot.resolver.base import Attempt
from bot.resolver.urls import in_public
from state.store import Store

log = structlog.get_logger(__name__)

EVENT = "site_changed"
PAUSE_SECONDS = 3600.0
"""One route is told of once in this time: any host may play a changed site."""
SHOWN = timedelta(days=7)
_LOOKED_AT = 1000


def note_changes(store: Store, clock: Callable[[], float] = time.monotonic) -> Callable[[Attempt], None]:
    """A watcher for the resolver, which notes in the store when a site has changed."""
    told: dict[tuple[str, str], float] = {}
    lock = threading.Lock()

    def watch(attempt: Attempt) -> None:
        if attempt.outcome != ResolveFailure.SITE_CHANGED:
            return
        route, now = (attempt.site, attempt.route), clock()
        with lock:
            if now - told.get(route, -PAUSE_SECONDS) < PAUSE_SECONDS:
                return
            told[route] = now
        data = {
            "site": attempt.site,
            "route": attempt.route,
            "url": in_public(attempt.url),
            "detail": attempt.detail,
        }
        log.warning("site_changed", **data)
        store.events.add(EVENT, None, data)

    return watch


def recent_changes(store: Store) -> list[dict[str, Any]]:
    """By route, how often it was noted within the last days, with the latest moment and detail."""
    since = store.now() - SHOWN
    latest: dict[tuple[str, str], dict[str, Any]] = {}
    times: Counter[tuple[str, str]] = Counter()
    for event in store.events.of_none(_LOOKED_AT):
        if event.name == EVENT and event.at >= since:
            route = event.data["site"], event.data["route"]
            times[route] += 1
            latest.setdefault(route, {"at": event.at.isoformat(), **event.data})
    return [{"times": times[route], **found} for route, found in latest.items()]
