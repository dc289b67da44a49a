"""Manners towards one host: so many transfers at the same time, a pause between two, a rest when it asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.errors import ResolveError, ResolveFailure

_MOST_HOSTS = 10_000


@dataclass(slots=True)
class _Host:
    """``busy``: transfers under way; ``next_start`` on the monotonic clock; ``resting`` until then."""

    busy: int = 0
    next_start: float = 0.0
    resting: datetime | None = None


class HostSlots:
    """Counts transfers by host; forgets a host when its last one has ended and nothing else is to be kept.

    Args:
        per_host: transfers of one host at the same time.
        interval: seconds between the starts of two of them.
    """

    def __init__(self, per_host: int, interval: float = 0.0) -> None:
        self._per_host = per_host
        self._interval = interval
        self._hosts: dict[str, _Host] = {}
        self._freed = threading.Condition()
        self._closed = False

    def close(self) -> None:
        """Let everybody who waits go on, without limit: the owner takes no more transfers."""
        with self._freed:
            self._closed = True
            self._freed.notify_all()

    def rest(self, host: str, until: datetime) -> None:
        """Begin no transfer of this host before ``until``: it has asked for that."""
        with self._freed:
            known = self._known(host)
            known.resting = max(until, known.resting or until)

    @contextmanager
    def hold(self, host: str, timeout: float) -> Iterator[float]:
        """Hold one slot of this host; yields the seconds that it had to be waited for.

        Raises:
            ResolveError: RATE_LIMITED while the host rests; NETWORK if no slot came free within ``timeout``
                seconds.
        """
        began = time.monotonic()
        self._take(host, began + timeout, timeout)
        try:
            yield time.monotonic() - began
        finally:
            with self._freed:
                self._hosts[host].busy -= 1
                self._freed.notify_all()

    def _take(self, host: str, until: float, timeout: float) -> None:
        with self._freed:
            while True:
                known = self._known(host)
                self._refuse_while_resting(host, known)
                now = time.monotonic()
                pause = known.next_start - now
                if self._closed or (known.busy < self._per_host and pause <= 0):
                    known.busy += 1
                    known.next_start = now + self._interval
                    return
                if now >= until:
                    detail = f"{host} was busy with our own requests for {timeout:.0f} s"
                    raise ResolveError(ResolveFailure.NETWORK, detail)
                self._freed.wait(min(until - now, pause) if pause > 0 else until - now)

    def _known(self, host: str) -> _Host:
        if len(self._hosts) > _MOST_HOSTS:
            now, moment = time.monotonic(), datetime.now(UTC)
            self._hosts = {
                name: each
                for name, each in self._hosts.items()
                if each.busy or each.next_start > now or (each.resting and each.resting > moment)
            }
        return self._hosts.setdefault(host, _Host())

    def _refuse_while_resting(self, host: str, known: _Host) -> None:
        if known.resting is None or self._closed:
            return
        if known.resting <= datetime.now(UTC):
            known.resting = None
            return
        detail = f"{host} has asked us to wait: ask again later"
        raise ResolveError(ResolveFailure.RATE_LIMITED, detail, retry_at=known.resting)
