"""The guarded fetcher: the one way by which bytes of strangers come from the network.

Whatever a URL, a name server or a web server does, a fetch ends within its limits with a file or with a
`ResolveError`, connects to public addresses only (`addresses`, `wire`), and leaves no partial file behind.
"""

from __future__ import annotations

import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.addresses import AddressGuard, Lookup, system_lookup
from bot.resolver.answers import REDIRECTS, BriefFault, refusal
from bot.resolver.base import PAGE_BYTES, Answer, Downloaded, Peek
from bot.resolver.decoding import decoded
from bot.resolver.exchange import header_fields, origin_of, parse_url, too_slow
from bot.resolver.limits import FetchLimits
from bot.resolver.page_text import is_text, page_text
from bot.resolver.partial import Partial, new_file
from bot.resolver.slots import HostSlots
from bot.resolver.sniff import HEAD_BYTES, describe, sniff
from bot.resolver.transport import Asked, Gate, NetworkTransport, Reply, Transport, closed
from bot.resolver.urls import in_public
from bot.resolver.wire import Deadline

T = TypeVar("T")
# However long a host asks to be left alone: one path of it must not close all the others for a day.
_LONGEST_REST = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class _Query:
    """What is asked for, over all redirects: ``headers`` of the first origin, others for ``everywhere``."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    everywhere: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Open:
    """An open answer: ``body`` is metered and decompressed as it is read; ``promised`` is its length."""

    url: httpx.URL
    status: int
    fields: Mapping[str, str]
    promised: int | None
    body: Iterator[bytes]


class GuardedFetcher:
    """Fetches media of strangers. Safe to use from many threads at once.

    Args:
        limits: the bounds that every fetch keeps.
        allow_networks: networks in CIDR form that may be fetched from although they are not public.
        lookup: host name and port to addresses.
        tls: how certificates are checked; by default against certifi's authorities.
        user_agent: how the bot introduces itself.
        transport: how requests leave; by default over the network.

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
        transport: Transport | None = None,
    ) -> None:
        self.limits = limits or FetchLimits()
        slots = HostSlots(self.limits.per_host, self.limits.host_interval)
        self.gate = Gate(self.limits, AddressGuard(allow_networks, lookup), slots)
        self.transport = transport or NetworkTransport(self.gate, tls)
        self._user_agent = user_agent
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
        self._closed.set()
        self.transport.close()

    def peek(self, url: str) -> Peek:
        """Read only the beginning of what a URL answers with.

        Raises:
            ResolveError: NO_MEDIA if the bytes are no image, video or sound; otherwise as `download`.
        """

        def look(deadline: Deadline) -> Peek:
            with self._open(_Query(url), deadline) as answer:
                head, _ = _beginning(self._media_body(answer))
                size = None if "content-encoding" in answer.fields else answer.promised
                return Peek(str(answer.url), _medium_type(head, answer.url), size)

        return self._tried(look)

    def download(self, url: str, into: Path, *, headers: Mapping[str, str] | None = None) -> Downloaded:
        """Fetch a medium into the new file ``into``; on any failure that file is gone again.

        ``headers`` (credentials, say) go to the origin of ``url`` alone: a redirect to another scheme, host
        or port drops them.

        Raises:
            ResolveError: with the reason, and a detail that shows no more of a URL than host and path.
        """
        query = _Query(url, headers or {})
        with new_file(into) as partial:
            return self._tried(lambda deadline: self._save(query, into, partial, deadline))

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, max_bytes: int = PAGE_BYTES
    ) -> Answer:
        """A page or an API's answer, whatever its status below 500 but 429, which are errors here.

        Raises:
            ResolveError: TOO_LARGE over ``max_bytes``; otherwise as `download`.
        """
        query = _Query(url, headers or {})
        return self._tried(lambda deadline: self._whole(query, max_bytes, deadline))

    def get_json(self, url: str, *, headers: Mapping[str, str] | None = None) -> Any:
        """The JSON that a URL answers with.

        Raises:
            ResolveError: SITE_CHANGED if it is none; for every status but 200 the reason that it means.
        """
        answer = self.get(url, headers={"accept": "application/json", **(headers or {})})
        error = refusal(answer.status, answer.headers, in_public(answer.url))
        if error is not None:
            raise error
        return answer.json()

    def post(self, url: str, content: bytes, *, headers: Mapping[str, str] | None = None) -> Answer:
        """As `get`, with a body; never tried twice, never sent on to another place."""
        query = _Query(url, headers or {}, method="POST", content=content)
        return self._whole(query, PAGE_BYTES, Deadline(self.limits.total_seconds))

    def final_url(self, url: str) -> str:
        """Where a short link leads: behind its redirects, without reading what is there.

        Raises:
            ResolveError: as `download`, but for the status of the last answer, which does not matter.
        """

        def follow(deadline: Deadline) -> str:
            with self._open(_Query(url), deadline) as answer:
                return str(answer.url)

        return self._tried(follow)

    def read_text(self, url: str, max_bytes: int = 2_000_000) -> str:
        """The readable text of a web page or text file; what comes after ``max_bytes`` is not read.

        Raises:
            ResolveError: UNSUPPORTED if it is neither; otherwise as `download`.
        """

        def read(deadline: Deadline) -> str:
            with self._open(_Query(url), deadline) as answer:
                content = bytearray()
                for piece in self._media_body(answer):
                    content += piece
                    if len(content) >= max_bytes:
                        break
                content_type = answer.fields.get("content-type", "")
                if not is_text(content_type, bytes(content[:HEAD_BYTES])):
                    detail = f"{in_public(str(answer.url))} holds neither a web page nor text"
                    raise ResolveError(ResolveFailure.UNSUPPORTED, detail)
                return page_text(bytes(content[:max_bytes]), content_type)

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
                raise closed()
            pause *= 2
        return work(deadline)

    def _save(self, query: _Query, into: Path, partial: Partial, deadline: Deadline) -> Downloaded:
        """Fetch into a file, or, where an earlier try got some of it and the server can, only the rest."""
        with self._open(replace(query, everywhere=partial.request()), deadline) as answer:
            if partial.goes_on(answer.status, answer.fields):
                whole = answer.body
            elif answer.status == 416 and partial.size:
                partial.forget()
                raise BriefFault(f"{in_public(str(answer.url))} does not have the rest of what it began")
            else:
                head, whole = _beginning(self._media_body(answer))
                partial.begin(_medium_type(head, answer.url), answer.fields)
            for piece in whole:
                if partial.size + len(piece) > self.limits.max_bytes:
                    raise self._too_large(answer.url)
                partial.add(piece)
            assert partial.mime is not None
            return Downloaded(into, str(answer.url), partial.mime, partial.size, partial.sha256)

    def _whole(self, query: _Query, max_bytes: int, deadline: Deadline) -> Answer:
        with self._open(query, deadline) as answer:
            if answer.status == 429 or answer.status >= 500:
                self._refuse(answer)
            content = bytearray()
            for piece in answer.body:
                content += piece
                if len(content) > max_bytes:
                    detail = f"{in_public(str(answer.url))} is a page of more than {max_bytes} bytes"
                    raise ResolveError(ResolveFailure.TOO_LARGE, detail)
            return Answer(str(answer.url), answer.status, answer.fields, bytes(content))

    @contextmanager
    def _open(self, query: _Query, deadline: Deadline) -> Iterator[_Open]:
        """Follow a URL to an answer that leads no further. Every hop is checked like the first."""
        place, headers = parse_url(query.url, self.limits), query.headers
        for _ in range(self.limits.max_redirects + 1):
            with self._ask(place, replace(query, headers=headers), deadline) as reply:
                fields = header_fields(reply.headers, place, self.limits)
                target = fields.get("location") if reply.status in REDIRECTS else None
                if target is None:
                    yield self._answer(place, reply, fields, deadline)
                    return
            if query.content is not None:
                detail = f"{in_public(query.url)} sends us elsewhere with what was meant for it alone"
                raise ResolveError(ResolveFailure.SITE_CHANGED, detail)
            following = parse_url(target, self.limits, base=place)
            if origin_of(following) != origin_of(place):
                headers = {}
            place = following
        detail = f"{in_public(query.url)} redirects more than {self.limits.max_redirects} times"
        raise ResolveError(ResolveFailure.NETWORK, detail)

    @contextmanager
    def _ask(self, place: httpx.URL, query: _Query, deadline: Deadline) -> Iterator[Reply]:
        """One hop: check the host, then ask there."""
        if self._closed.is_set():
            raise closed()
        host = self.gate.guard.check_host(place.raw_host.decode("ascii"))
        sent = {"user-agent": self._user_agent, **query.headers, **query.everywhere}
        with self.transport.ask(Asked(query.method, place, host, sent, query.content), deadline) as reply:
            yield reply

    def _answer(self, place: httpx.URL, reply: Reply, fields: Mapping[str, str], deadline: Deadline) -> _Open:
        length = fields.get("content-length", "")
        promised = int(length[:20]) if length.isascii() and length.isdigit() else None
        coding = fields.get("content-encoding", "")

        def body() -> Iterator[bytes]:  # nobody may care for it, then its coding does not matter
            yield from decoded(self._metered(reply, place, deadline), coding)

        return _Open(place, reply.status, fields, promised, body())

    def _media_body(self, answer: _Open) -> Iterator[bytes]:
        """The body of an answer that has one to give, within the size limit as far as it promises."""
        self._refuse(answer)
        if answer.promised is not None and answer.promised > self.limits.max_bytes:
            raise self._too_large(answer.url)
        return answer.body

    def _refuse(self, answer: _Open) -> None:
        error = refusal(answer.status, answer.fields, in_public(str(answer.url)))
        if error is not None and error.retry_at is not None:
            until = min(error.retry_at, datetime.now(UTC) + _LONGEST_REST)
            self.gate.slots.rest(self.gate.guard.check_host(answer.url.raw_host.decode("ascii")), until)
        if error is not None:
            raise error

    def _metered(self, reply: Reply, place: httpx.URL, deadline: Deadline) -> Iterator[bytes]:
        """The body as sent, given up when it is too large or, over a whole window, too slow."""
        total, in_window, window_began = 0, 0, time.monotonic()
        for chunk in reply.iter_stream():
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


def _beginning(body: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first `HEAD_BYTES` of a body (or all of a shorter one), and the whole body from its start."""
    first = b""
    for piece in body:
        first += piece
        if len(first) >= HEAD_BYTES:
            break

    def whole() -> Iterator[bytes]:
        yield first
        yield from body

    return first[:HEAD_BYTES], whole()


def _medium_type(head: bytes, place: httpx.URL) -> str:
    mime = sniff(head)
    if mime is None:
        detail = f"{in_public(str(place))} holds {describe(head)}, not an image, video or sound"
        raise ResolveError(ResolveFailure.NO_MEDIA, detail)
    return mime
