"""The way bytes take: a network backend for httpcore that connects to checked addresses only.

httpcore asks a backend to connect to a *name*. This one ignores it and connects to the addresses that were
checked, so that no second lookup can lead elsewhere (DNS rebinding), while Host, SNI and the certificate
check keep the name. It also bounds what httpcore cannot: the time of the whole exchange, however slowly
each single byte comes, and the size of the head of the answer.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore

from bot.resolver.limits import FetchLimits

_BACKEND = httpcore.SyncBackend()


class HeadTooLarge(Exception):
    """The head of an answer is larger than ``max_header_bytes``."""


class Deadline:
    """A moment on the monotonic clock by which a whole fetch has to be done."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left; negative once it has passed."""
        return self._at - time.monotonic()

    def extend(self, seconds: float) -> None:
        """Move it: time that does not count was spent (the wait for a slot)."""
        self._at += seconds


class Wire(httpcore.NetworkBackend):
    """The backend of one exchange with one host. ``addresses`` are tried in turn until one takes the call."""

    def __init__(self, addresses: Sequence[str], deadline: Deadline, limits: FetchLimits) -> None:
        self._addresses = addresses[: limits.max_addresses]
        self.deadline = deadline
        self._head_left: int | None = limits.max_header_bytes
        self._socket: socket.socket | None = None
        self._cut = False

    def cut(self) -> None:
        """End the exchange now, from another thread: whatever waits on the connection fails."""
        self._cut = True
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it has ended by itself
                # Not the method of a TLS socket, which would take the TLS layer away from its reader.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - the name; the checked addresses are used in its place
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first checked address that answers."""
        failure: Exception = httpcore.ConnectError("no address to connect to")
        for address in self._addresses:
            try:
                seconds = self.patience(timeout)
                stream = _BACKEND.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return self.guarded(stream)
        raise failure

    def guarded(self, stream: httpcore.NetworkStream) -> httpcore.NetworkStream:
        """The stream, with every operation bounded by this wire."""
        self._socket = stream.get_extra_info("socket")
        return _Stream(stream, self)

    def head_done(self) -> None:
        """From now on the body is read: its bounds are kept elsewhere."""
        self._head_left = None

    def patience(self, timeout: float | None) -> float:
        """How long the next operation may block: the deadline cuts every single time-out."""
        if self._cut:
            raise httpcore.ReadError("the exchange was ended")
        left = self.deadline.left()
        if left <= 0:
            raise httpcore.ReadTimeout("the time for the whole fetch is over")
        return left if timeout is None else min(left, timeout)

    def allowance(self, max_bytes: int) -> int:
        """How many bytes may be read now, while the head is read."""
        if self._head_left is None:
            return max_bytes
        if self._head_left <= 0:
            raise HeadTooLarge
        return min(max_bytes, self._head_left)

    def took(self, count: int) -> None:
        """Book the bytes that were read."""
        if self._head_left is not None:
            self._head_left -= count


class _Stream(httpcore.NetworkStream):
    """A connection whose every operation asks its wire for time and bytes."""

    def __init__(self, stream: httpcore.NetworkStream, wire: Wire) -> None:
        self._stream = stream
        self._wire = wire

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._stream.read(self._wire.allowance(max_bytes), self._wire.patience(timeout))
        self._wire.took(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._wire.patience(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._wire.patience(timeout))
        return self._wire.guarded(secured)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
