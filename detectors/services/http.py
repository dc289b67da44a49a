"""One HTTP service: bounded in time, size and money, tried again after brief faults, its key never shown."""

from __future__ import annotations

import ipaddress
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from detectors.errors import ServiceFailed
from detectors.services.budget import Budget

MAX_ANSWER_BYTES = 4_000_000
Result = TypeVar("Result")
_BRIEF = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
# Faults before the request was out: nothing was done, so nothing is owed.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one question may take, in seconds, and how often it is asked.

    ``total`` bounds all tries with their pauses; pauses double from ``backoff`` to ``longest_pause``, and a
    server's ``Retry-After`` is kept if it fits.
    """

    connect: float = 10.0
    read: float = 60.0
    total: float = 150.0
    attempts: int = 3
    backoff: float = 1.0
    longest_pause: float = 30.0


class _Fault(Exception):
    """A try without a usable answer.

    ``brief``: it may pass. ``owed``: the service may have done, and charge, its work. ``pause``: the seconds
    that it asks for.
    """

    def __init__(self, cause: str, *, brief: bool = True, owed: bool = False, pause: float = 0.0) -> None:
        super().__init__(cause)
        self.brief = brief
        self.owed = owed
        self.pause = pause


class HttpService:
    """Posts to one service. Environment, proxies and redirects are ignored: data goes where it was sent.

    Args:
        base_url: such as ``https://api.example.org/v1``; plain http only to loopback addresses.
        name: how messages call it.
        headers: with the key, where there is one; never part of a message or a representation.
        budget: pays for the answers.
        sleep: waits between tries.

    Raises:
        ValueError: an address that is none, or one that would show a key to the network.
    """

    def __init__(
        self,
        base_url: str,
        name: str,
        *,
        headers: Mapping[str, str] | None = None,
        budget: Budget,
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        url = _address(base_url)
        self.local = is_loopback(url.host)
        if url.scheme != "https" and not self.local:
            raise ValueError(f"{name}: plain http shows keys and media to the network; use https")
        self.name = f"{name} at {url.host}"
        self._budget = budget
        self._patience = patience or Patience()
        self._sleep = sleep
        self._client = httpx.Client(
            base_url=url, headers=dict(headers or {}), follow_redirects=False, trust_env=False
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def post(
        self, path: str, read: Callable[[Any], tuple[Result, float | None]], *, most: float, **body: Any
    ) -> Result:
        """Post a body and return what ``read`` makes of the JSON answer.

        Args:
            path: below the base URL.
            read: gives the result and what it cost in dollars (None: not known, ``most`` stands); a
                ``ValueError``, ``TypeError``, ``AttributeError`` or ``LookupError`` of its means that the
                answer is not as asked for, and asks again.
            most: what one try can cost at most.
            body: httpx's ``json``, ``data`` or ``files``.

        Raises:
            ServiceFailed: no usable answer, after all tries.
            BudgetSpent: a try could pass the day's cap.
        """
        until = time.monotonic() + self._patience.total
        pause = self._patience.backoff
        for attempt in range(1, self._patience.attempts + 1):
            try:
                return self._try(path, read, most, until, body)
            except _Fault as fault:
                wait = max(fault.pause, min(pause, self._patience.longest_pause) * random.uniform(0.5, 1.0))
                cause, hopeless = str(fault), not fault.brief or attempt == self._patience.attempts
            if hopeless or time.monotonic() + wait >= until:
                break
            self._sleep(wait)
            pause *= 2
        raise ServiceFailed(f"{self.name} {cause}" + (f" ({attempt} tries)" if attempt > 1 else ""))

    def _try(
        self,
        path: str,
        read: Callable[[Any], tuple[Result, float | None]],
        most: float,
        until: float,
        body: Mapping[str, Any],
    ) -> Result:
        """Ask once. What the budget does not know to be free stays counted at its most."""
        day = self._budget.reserve(most)
        try:
            result, actual = _understood(self._exchange(path, until, body), read)
        except _Fault as fault:
            if not fault.owed:
                self._budget.settle(day, most, 0.0)
            raise
        if actual is not None:
            self._budget.settle(day, most, actual)
        return result

    def _exchange(self, path: str, until: float, body: Mapping[str, Any]) -> bytes:
        """One request to its whole answer."""
        patience = self._patience
        left = max(0.1, until - time.monotonic())
        timeout = httpx.Timeout(min(patience.read, left), connect=min(patience.connect, left))
        try:
            # With the slash, a path like ``images:annotate`` is not taken for an address with a scheme.
            with self._client.stream("POST", f"/{path}", timeout=timeout, **body) as response:
                _check(response)
                content = b""
                for piece in response.iter_bytes():
                    content += piece
                    if len(content) > MAX_ANSWER_BYTES:
                        cause = f"answers with more than {MAX_ANSWER_BYTES} bytes"
                        raise _Fault(cause, brief=False, owed=True)
                    if time.monotonic() > until:
                        raise _Fault("answers too slowly", owed=True)
                return content
        # Causes are told in our words: httpx's can quote headers and addresses.
        except _UNSENT:
            raise _Fault("cannot be reached") from None
        except httpx.TimeoutException:
            raise _Fault("does not answer in time", owed=True) from None
        except httpx.HTTPError:
            raise _Fault("breaks the connection off", owed=True) from None


class HttpClient:
    """What clients of one HTTP service have in common; a subclass makes the service."""

    _service: HttpService

    @property
    def name(self) -> str:
        """See `Service`."""
        return self._service.name

    @property
    def local(self) -> bool:
        """See `Service`."""
        return self._service.local


def _check(response: httpx.Response) -> None:
    status = response.status_code
    if status == 200:
        return
    if status in _BRIEF:
        raise _Fault(f"answers with status {status}", pause=_asked_pause(response))
    mend = {401: "; check its key", 403: "; check its key", 404: "; check its address and model"}
    raise _Fault(f"refuses with status {status}{mend.get(status, '')}", brief=False)


def _understood(
    content: bytes, read: Callable[[Any], tuple[Result, float | None]]
) -> tuple[Result, float | None]:
    try:
        return read(json.loads(content))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise _Fault("does not answer in the form it was asked for", owed=True) from None


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine: ``localhost`` or a literal loopback address, and no other name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bearer(key: str | None) -> dict[str, str]:
    """Return the header that carries a key, or none.

    Raises:
        ValueError: the key holds characters that no header can; the message does not show it.
    """
    if key is None:
        return {}
    if not key.isascii() or not key.isprintable() or not key.strip():
        raise ValueError("a service key is empty or holds characters that no key has; copy it again")
    return {"authorization": f"Bearer {key.strip()}"}


def _address(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo or url.query or url.fragment:
        raise ValueError("a service's address must be http(s)://host/path, without a key or a query in it")
    return url


def _asked_pause(response: httpx.Response) -> float:
    asked = response.headers.get("retry-after", "")
    return float(asked) if asked.isascii() and asked.isdigit() else 0.0
