"""The guarded fetcher: the one way by which bytes of strangers come from the network.

Whatever a URL, a name server or a web server does, a fetch ends within its limits with a file or with a
`ResolveError`, connects to public addresses only (`addresses`, `wire`), and leaves no partial file behind.
"""

from __future__ import annotations

import hashlib
import os
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import httpcore
import httpx

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.addresses import AddressGuard, Lookup, system_lookup
from bot.resolver.answers import REDIRECTS, BriefFault, refusal
from bot.resolver.base import Downloaded, Peek
from bot.resolver.decoding import decoded
from bot.resolver.exchange import exchange, header_fields, origin_of, parse_url, port_of, too_slow
from bot.resolver.limits import FetchLimits
from bot.resolver.page_text import is_text, page_text
from bot.resolver.slots import HostSlots
from bot.resolver.sniff import HEAD_BYTES, describe, sniff
from bot.resolver.urls import in_public
from bot.resolver.wire import Deadline, Wire

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Answer:
    """An open answer with status 200: ``body`` is metered and decompressed as it is read."""

    url: httpx.URL
    size: int | None
    content_type: str
    body: Iterator[bytes]


class GuardedFetcher:
    """Fetches media of strangers. Safe to use from many threads at once.

    Args:
        limits: the bounds that every fetch keeps.
        allow_networks: networks in CIDR form that may be fetched from although they are not public.
        lookup: host name and port to addresses.
        tls: how certificates are checked; by default against certifi's authorities.
        user_agent: how the bot introduces itself.

    Raises:
        ConfigError: one of ``allow_networks`` is no network.
    """

    def __init__(
        self,
        limits: FetchLimits | None = None,
        *,
        allow_networks: Sequence[str] = (),
        lookup: Lookup = system_lookup,
        tls: ssl.SSLContext | None = None,
        user_agent: str = "Veritag/0.1",
    ) -> None:
        self.limits = limits or FetchLimits()
        self._guard = AddressGuard(allow_networks, lookup)
        self._tls = tls or httpx.create_ssl_context(trust_env=False)
        self._user_agent = user_agent
        self._slots = HostSlots(self.limits.per_host)
        self._lock = threading.Lock()
        self._wires: set[Wire] = set()
        self._closed = threading.Event()

    def __enter__(self) -> GuardedFetcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up every running fetch (each raises NETWORK) and take no more. Safe to call twice.

        One that is just being looked up or connected still waits for that, for `lookup_seconds` or
        `connect_seconds` at most.
        """
        with self._lock:
            self._closed.set()
            for wire in self._wires:
                wire.cut()
        self._slots.close()

    def peek(self, url: str) -> Peek:
        """Read only the beginning of what a URL answers with.

        Raises:
            ResolveError: NO_MEDIA if the bytes are no image, video or sound; otherwise as `download`.
        """

        def look(deadline: Deadline) -> Peek:
            with self._open(url, {}, deadline) as answer:
                head, _ = _beginning(answer)
                return Peek(str(answer.url), _medium_type(head, answer.url), answer.size)

        return self._tried(look)

    def download(self, url: str, into: Path, *, headers: Mapping[str, str] | None = None) -> Downloaded:
        """Fetch a medium into the new file ``into``; on any failure that file is gone again.

        ``headers`` (credentials, say) go to the origin of ``url`` alone: a redirect to another scheme, host
        or port drops them.

        Raises:
            ResolveError: with the reason, and a detail that shows no more of a URL than host and path.
        """
        return self._tried(lambda deadline: self._save(url, headers or {}, into, deadline))

    def read_text(self, url: str, max_bytes: int = 2_000_000) -> str:
        """The readable text of a web page or text file; what comes after ``max_bytes`` is not read.

        Raises:
            ResolveError: UNSUPPORTED if it is neither; otherwise as `download`.
        """

        def read(deadline: Deadline) -> str:
            with self._open(url, {}, deadline) as answer:
                content = bytearray()
                for piece in answer.body:
                    content += piece
                    if len(content) >= max_bytes:
                        break
                if not is_text(answer.content_type, bytes(content[:HEAD_BYTES])):
                    detail = f"{in_public(str(answer.url))} holds neither a web page nor text"
                    raise ResolveError(ResolveFailure.UNSUPPORTED, detail)
                return page_text(bytes(content[:max_bytes]), answer.content_type)

        return self._tried(read)

    def _tried(self, work: Callable[[Deadline], T]) -> T:
        """Do a piece of work again after brief faults, with growing pauses, while attempts and time last."""
        deadline = Deadline(self.limits.total_seconds)
        pause = self.limits.backoff_seconds
        for _ in range(self.limits.attempts - 1):
            try:
                return work(deadline)
            except BriefFault:
                wait = pause * random.uniform(0.5, 1.5)
                if deadline.left() <= wait:
                    raise
            if self._closed.wait(wait):
                raise _closed()
            pause *= 2
        return work(deadline)

    def _save(self, url: str, headers: Mapping[str, str], into: Path, deadline: Deadline) -> Downloaded:
        with self._open(url, headers, deadline) as answer:
            head, whole = _beginning(answer)
            mime = _medium_type(head, answer.url)
            size, digest = 0, hashlib.sha256()
            with _new_file(into) as write:
                for piece in whole:
                    size += len(piece)
                    if size > self.limits.max_bytes:
                        raise self._too_large(answer.url)
                    digest.update(piece)
                    write(piece)
            return Downloaded(into, str(answer.url), mime, size, digest.hexdigest())

    @contextmanager
    def _open(self, url: str, headers: Mapping[str, str], deadline: Deadline) -> Iterator[_Answer]:
        """Follow a URL to an answer with a body. Every hop is checked and connected like the first."""
        place = parse_url(url, self.limits)
        for _ in range(self.limits.max_redirects + 1):
            with self._ask(place, headers, deadline) as response:
                fields = header_fields(response, place, self.limits)
                target = fields.get("location") if response.status in REDIRECTS else None
                if target is None:
                    yield self._answer(place, response, fields, deadline)
                    return
            following = parse_url(target, self.limits, base=place)
            if origin_of(following) != origin_of(place):
                headers = {}
            place = following
        detail = f"{in_public(url)} redirects more than {self.limits.max_redirects} times"
        raise ResolveError(ResolveFailure.NETWORK, detail)

    @contextmanager
    def _ask(
        self, place: httpx.URL, headers: Mapping[str, str], deadline: Deadline
    ) -> Iterator[httpcore.Response]:
        """One hop: check the host, wait for its slot, look it up once, ask there."""
        host = self._guard.check_host(place.raw_host.decode("ascii"))
        with self._slots.hold(host, self.limits.queue_seconds) as waited:
            deadline.extend(waited)
            if deadline.left() <= 0:
                raise too_slow(place, deadline, self.limits)
            patience = min(self.limits.lookup_seconds, deadline.left())
            addresses = self._guard.addresses(host, port_of(place), patience)
            sent = {"user-agent": self._user_agent, **headers}
            with (
                self._wire(addresses, deadline) as wire,
                exchange(place, host, wire, sent, limits=self.limits, tls=self._tls) as response,
            ):
                yield response

    @contextmanager
    def _wire(self, addresses: Sequence[str], deadline: Deadline) -> Iterator[Wire]:
        """A wire that `close` can cut."""
        wire = Wire(addresses, deadline, self.limits)
        with self._lock:
            if self._closed.is_set():
                raise _closed()
            self._wires.add(wire)
        try:
            yield wire
        finally:
            with self._lock:
                self._wires.discard(wire)

    def _answer(
        self, place: httpx.URL, response: httpcore.Response, fields: Mapping[str, str], deadline: Deadline
    ) -> _Answer:
        error = refusal(response.status, fields, in_public(str(place)))
        if error is not None:
            raise error
        length = fields.get("content-length", "")
        promised = int(length) if length.isascii() and length.isdigit() else None
        if promised is not None and promised > self.limits.max_bytes:
            raise self._too_large(place)
        coding = fields.get("content-encoding", "")
        body = decoded(self._metered(response, place, deadline), coding)
        return _Answer(place, None if coding else promised, fields.get("content-type", ""), body)

    def _metered(self, response: httpcore.Response, place: httpx.URL, deadline: Deadline) -> Iterator[bytes]:
        """The body as sent, given up when it is too large or, over a whole window, too slow."""
        total, in_window, window_began = 0, 0, time.monotonic()
        for chunk in response.iter_stream():
            total += len(chunk)
            in_window += len(chunk)
            if total > self.limits.max_bytes:
                raise self._too_large(place)
            took = time.monotonic() - window_began
            if took >= self.limits.rate_window:
                if in_window / took < self.limits.min_rate:
                    raise too_slow(place, deadline, self.limits)
                in_window, window_began = 0, time.monotonic()
            yield chunk

    def _too_large(self, place: httpx.URL) -> ResolveError:
        detail = f"{in_public(str(place))} is larger than the {self.limits.max_bytes} bytes fetched at most"
        return ResolveError(ResolveFailure.TOO_LARGE, detail)


def _beginning(answer: _Answer) -> tuple[bytes, Iterator[bytes]]:
    """The first `HEAD_BYTES` of a body (or all of a shorter one), and the whole body from its start."""
    first = b""
    for piece in answer.body:
        first += piece
        if len(first) >= HEAD_BYTES:
            break

    def whole() -> Iterator[bytes]:
        yield first
        yield from answer.body

    return first[:HEAD_BYTES], whole()


def _medium_type(head: bytes, place: httpx.URL) -> str:
    mime = sniff(head)
    if mime is None:
        detail = f"{in_public(str(place))} holds {describe(head)}, not an image, video or sound"
        raise ResolveError(ResolveFailure.NO_MEDIA, detail)
    return mime


def _closed() -> ResolveError:
    return ResolveError(ResolveFailure.NETWORK, "the fetcher was closed while this was on its way")


@contextmanager
def _new_file(path: Path) -> Iterator[Callable[[bytes], object]]:
    """A file that must not exist yet, for its owner only; taken away again unless all goes well."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file.write
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    except OSError as error:
        detail = (
            f"the medium cannot be written to {path.parent}: {error.strerror}; make room or mend the folder"
        )
        raise ResolveError(ResolveFailure.NETWORK, detail) from error
