"""How one request leaves and its answer comes: over the network, or (`bot.resolver.replay`) from a fixture.

A transport makes exactly one exchange with a host that was checked; redirects, caps, decompression and what
an answer means are the fetcher's, the same for every transport.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.addresses import AddressGuard
from bot.resolver.exchange import exchange, port_of, too_slow
from bot.resolver.limits import FetchLimits
from bot.resolver.slots import HostSlots
from bot.resolver.wire import Deadline, Wire


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: ``host`` is the name of ``place`` as `AddressGuard.check_host` gave it."""

    method: str
    place: httpx.URL
    host: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(default=None, repr=False)


class Reply(Protocol):
    """An open answer; httpcore's `Response` is one."""

    status: int
    headers: list[tuple[bytes, bytes]]

    def iter_stream(self) -> Iterator[bytes]:
        """The body as sent."""


class Transport(Protocol):
    """Makes exchanges, from many threads at once."""

    def ask(self, asked: Asked, deadline: Deadline) -> AbstractContextManager[Reply]:
        """The answer, whose body can be read while the context lasts.

        Raises:
            ResolveError: there is none; `BriefFault` where another try makes sense.
        """

    def close(self) -> None:
        """End every running exchange and take no more. Safe to call twice."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What everything that goes out passes, be it a fetch of ours or one of yt-dlp's."""

    limits: FetchLimits
    guard: AddressGuard
    slots: HostSlots


class NetworkTransport:
    """The real one: waits for a slot of the host, looks it up once, and connects to what was checked."""

    def __init__(self, gate: Gate, tls: ssl.SSLContext | None = None) -> None:
        self._limits = gate.limits
        self._guard = gate.guard
        self._slots = gate.slots
        self._tls = tls or httpx.create_ssl_context(trust_env=False)
        self._lock = threading.Lock()
        self._wires: set[Wire] = set()
        self._closed = False

    def close(self) -> None:
        """As the protocol says; one that is just being looked up or connected still waits for that."""
        with self._lock:
            self._closed = True
            for wire in self._wires:
                wire.cut()
        self._slots.close()

    @contextmanager
    def ask(self, asked: Asked, deadline: Deadline) -> Iterator[Reply]:
        """One exchange over a connection of its own."""
        with self._slots.hold(asked.host, self._limits.queue_seconds) as waited:
            deadline.extend(waited)
            if deadline.left() <= 0:
                raise too_slow(asked.place, deadline, self._limits)
            patience = min(self._limits.lookup_seconds, deadline.left())
            addresses = self._guard.addresses(asked.host, port_of(asked.place), patience)
            with (
                self._wire(addresses, deadline) as wire,
                exchange(asked.place, asked.host, wire, asked, limits=self._limits, tls=self._tls) as reply,
            ):
                yield reply

    @contextmanager
    def _wire(self, addresses: Sequence[str], deadline: Deadline) -> Iterator[Wire]:
        """A wire that `close` can cut."""
        wire = Wire(addresses, deadline, self._limits)
        with self._lock:
            if self._closed:
                raise closed()
            self._wires.add(wire)
        try:
            yield wire
        finally:
            with self._lock:
                self._wires.discard(wire)


def closed() -> ResolveError:
    """The error of a fetch that was on its way when its fetcher was closed."""
    return ResolveError(ResolveFailure.NETWORK, "the fetcher was closed while this was on its way")
