"""One HTTP exchange: a URL that may be asked for, one request, one answer, on a connection of its own.

Built on httpx's parts (its URL type, and httpcore, its engine) and not on its client: that one keeps
cookies and logs whole URLs, whose query strings may be secrets.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import httpcore
import httpx

from bot.errors import ResolveError, ResolveFailure
from bot.resolver.answers import BriefFault
from bot.resolver.limits import FetchLimits
from bot.resolver.urls import in_public
from bot.resolver.wire import Deadline, HeadTooLarge, Wire

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Message(Protocol):
    """What is sent: `bot.resolver.transport.Asked` is one."""

    @property
    def method(self) -> str:
        """The HTTP method."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields; those that frame the message are set here."""

    @property
    def content(self) -> bytes | None:
        """The body, if there is one."""


def parse_url(url: str, limits: FetchLimits, base: httpx.URL | None = None) -> httpx.URL:
    """A URL that may be asked for, without its fragment; relative to ``base`` where there is one.

    Raises:
        ResolveError: UNSUPPORTED for what is no http(s) link, BLOCKED_ADDRESS for one with user-info or a
            port that is not allowed.
    """
    if len(url) > limits.max_url_length:
        raise ResolveError(ResolveFailure.UNSUPPORTED, f"{in_public(url)} is longer than any usable link")
    try:
        place = (httpx.URL(url) if base is None else base.join(url)).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError):  # joining lets some of urllib's ValueErrors through
        raise ResolveError(ResolveFailure.UNSUPPORTED, f"{in_public(url)} is no usable link") from None
    shown = in_public(str(place))
    if place.scheme not in _DEFAULT_PORTS or not place.raw_host:
        raise ResolveError(ResolveFailure.UNSUPPORTED, f"{shown} is no http or https link")
    if place.userinfo:
        raise ResolveError(ResolveFailure.BLOCKED_ADDRESS, f"{shown} came with a user name or password in it")
    if port_of(place) not in limits.ports:
        raise ResolveError(ResolveFailure.BLOCKED_ADDRESS, f"{shown} uses a port that is not allowed")
    return place


def port_of(place: httpx.URL) -> int:
    """The port of a URL that `parse_url` has passed, its scheme's own where it names none."""
    return place.port if place.port is not None else _DEFAULT_PORTS[place.scheme]


def origin_of(place: httpx.URL) -> tuple[str, bytes, int]:
    """What credentials belong to: scheme, host and port."""
    return place.scheme, place.raw_host, port_of(place)


@contextmanager
def exchange(
    place: httpx.URL,
    host: str,
    wire: Wire,
    asked: Message,
    *,
    limits: FetchLimits,
    tls: ssl.SSLContext,
) -> Iterator[httpcore.Response]:
    """Ask for a URL over ``wire``; Host, SNI and the certificate check keep the name ``host``.

    The answer's body can be read while the context lasts; errors of the way, then too, are `ResolveError`s
    (`BriefFault` where another try makes sense).
    """
    shown = in_public(str(place))
    origin = httpcore.Origin(place.scheme.encode(), host.encode(), port_of(place))
    connection = httpcore.HTTPConnection(origin, ssl_context=tls, network_backend=wire)
    try:
        with connection:
            response = connection.handle_request(_request(origin, place, asked, limits))
            wire.head_done()
            yield response
    except HeadTooLarge:
        detail = f"{shown} sends more than {limits.max_header_bytes} bytes of headers"
        raise ResolveError(ResolveFailure.NETWORK, detail) from None
    except httpcore.TimeoutException:
        raise too_slow(place, wire.deadline, limits) from None
    except httpcore.ConnectError as error:
        said = " ".join(str(error).split())[:200]
        raise BriefFault(f"{host} cannot be connected to: {said}") from None
    except (httpcore.NetworkError, httpcore.ProtocolError):
        raise BriefFault(f"{shown} broke off or spoke no proper HTTP") from None


def too_slow(place: httpx.URL, deadline: Deadline, limits: FetchLimits) -> ResolveError:
    """The error for a server that is waited for too long: at once, or over the whole fetch."""
    shown = in_public(str(place))
    if deadline.left() <= 0:
        return ResolveError(ResolveFailure.NETWORK, f"{shown} took over {limits.total_seconds:.0f} s in all")
    return ResolveError(ResolveFailure.NETWORK, f"{shown} answers too slowly")


def header_fields(
    headers: Sequence[tuple[bytes, bytes]], place: httpx.URL, limits: FetchLimits
) -> dict[str, str]:
    """The headers of an answer by lower-case name; of one that comes twice, the last.

    Raises:
        ResolveError: NETWORK if there are more than ``max_headers``.
    """
    if len(headers) > limits.max_headers:
        detail = f"{in_public(str(place))} sends more than {limits.max_headers} headers"
        raise ResolveError(ResolveFailure.NETWORK, detail)
    return {name.decode("latin-1").lower(): _text(value) for name, value in headers}


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _request(
    origin: httpcore.Origin, place: httpx.URL, asked: Message, limits: FetchLimits
) -> httpcore.Request:
    host = origin.host.decode("ascii")
    name = f"[{host}]" if ":" in host else host
    fields = {
        "accept": "*/*",
        **{key.lower(): value for key, value in asked.headers.items()},
        "host": name if place.port is None else f"{name}:{place.port}",
        "accept-encoding": "identity",
        "connection": "close",
    }
    if asked.content is not None:
        fields["content-length"] = str(len(asked.content))
    patience = {
        "connect": limits.connect_seconds,
        "read": limits.read_seconds,
        "write": limits.read_seconds,
    }
    return httpcore.Request(
        asked.method,
        httpcore.URL(scheme=origin.scheme, host=origin.host, port=origin.port, target=place.raw_path),
        headers=[(key.encode("ascii"), value.encode("ascii")) for key, value in fields.items()],
        content=asked.content,
        extensions={"timeout": patience},
    )
