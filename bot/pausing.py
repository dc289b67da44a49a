"""When nothing is posted: while an operator has paused the bot, and in its quiet hours.

Replies then wait in the outbox, and everything else goes on. Both are looked up each time that something
would leave, so that `veritag pause` holds at once in a process that is running.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from state.manners import PAUSE
from state.store import Store

CONFIGURED = "configuration"
"""Who has paused the bot where `manners.stop_posting` did."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``start`` until before ``end`` by the clocks of ``zone``, over midnight where it ends earlier."""

    start: time
    end: time
    zone: ZoneInfo

    def cover(self, moment: datetime) -> bool:
        """Whether an aware moment lies in them."""
        clock = moment.astimezone(self.zone).time()
        if self.start <= self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


class Pausing:
    """Says whether replies may leave."""

    def __init__(self, store: Store, quiet_hours: QuietHours | None = None) -> None:
        """Without `quiet_hours` there are none."""
        self._store = store
        self._quiet_hours = quiet_hours

    def reason(self) -> str | None:
        """Why nothing may leave now, in words for operators; None where replies may."""
        switch = self._store.switches.get(PAUSE)
        if switch is not None and switch.is_on:
            why = f": {switch.reason}" if switch.reason else ""
            return f"paused by {switch.by} since {switch.at:%Y-%m-%d %H:%M} UTC{why}"
        if self._quiet_hours is not None and self._quiet_hours.cover(self._store.now()):
            return f"quiet hours until {self._quiet_hours.end:%H:%M} ({self._quiet_hours.zone.key})"
        return None


def begin_as_configured(store: Store, *, stop_posting: bool) -> None:
    """Let `manners.stop_posting` decide how a process begins; what an operator has switched stays.

    A pause that only an earlier configuration asked for ends with it.
    """
    switch = store.switches.get(PAUSE)
    paused = switch is not None and switch.is_on
    if stop_posting and not paused:
        store.switches.set(PAUSE, is_on=True, by=CONFIGURED, reason="manners.stop_posting is set")
    elif not stop_posting and paused and switch is not None and switch.by == CONFIGURED:
        store.switches.set(PAUSE, is_on=False, by=CONFIGURED, reason="manners.stop_posting is not set")
