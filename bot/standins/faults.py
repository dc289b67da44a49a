"""The language in which a stand-in is told to fail: which fault, at which requests, how often.

faults.add(Fault(FaultKind.TIMEOUT_AFTER, "POST /2/tweets"))
faults.add(Fault(FaultKind.SERVER_ERROR, "GET *", times=3))
faults.add(Fault(FaultKind.RATE_LIMITED_WITHOUT_RESET, times=None))
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase


class FaultKind(StrEnum):
    """What goes wrong. "Before" and "after" tell whether the request had its effect."""

    TIMEOUT_BEFORE = "timeout_before"
    TIMEOUT_AFTER = "timeout_after"
    RESET = "reset"
    """The connection is dropped, without effect and without answer."""
    RESET_AFTER = "reset_after"
    SERVER_ERROR = "server_error"
    """HTTP 503, without effect."""
    SERVER_ERROR_AFTER = "server_error_after"
    """HTTP 502, though the request had its effect."""
    MALFORMED = "malformed"
    """HTTP 200 with a page instead of JSON; the request had its effect."""
    TRUNCATED = "truncated"
    """The right answer, cut in its middle; the request had its effect."""
    RATE_LIMITED = "rate_limited"
    """HTTP 429 that names the time of the reset."""
    RATE_LIMITED_WITHOUT_RESET = "rate_limited_without_reset"
    UNAUTHORIZED = "unauthorized"
    """HTTP 401."""
    FORBIDDEN = "forbidden"
    """HTTP 403, as for an account that may not do this."""
    DUPLICATE = "duplicate"
    """The platform holds the text for a repetition and refuses it."""
    PARENT_GONE = "parent_gone"
    """The platform says that the post asked for, or replied to, is deleted."""


HAS_EFFECT = frozenset(
    {
        FaultKind.TIMEOUT_AFTER,
        FaultKind.RESET_AFTER,
        FaultKind.SERVER_ERROR_AFTER,
        FaultKind.MALFORMED,
        FaultKind.TRUNCATED,
    }
)
"""The faults of which the request has its effect all the same."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. ``endpoint`` is a shell pattern over "METHOD /path"; ``times`` None: until it is cleared."""

    kind: FaultKind
    endpoint: str = "*"
    times: int | None = 1

    def meets(self, endpoint: str) -> bool:
        """Whether a request ("METHOD /path", without the query) is one that it is for."""
        return fnmatchcase(endpoint, self.endpoint)


class Faults:
    """The faults that are still to come, in the order they were added. Safe to use from several threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Fail so from now on."""
        with self._guard:
            self._waiting.append(fault)

    def clear(self) -> None:
        """No more faults."""
        with self._guard:
            self._waiting.clear()

    def waiting(self) -> tuple[Fault, ...]:
        """What is still to come; ``times`` is what is left of each."""
        with self._guard:
            return tuple(self._waiting)

    def take(self, endpoint: str) -> FaultKind | None:
        """The fault that this request meets, counted as used; None: it goes well."""
        with self._guard:
            for place, fault in enumerate(self._waiting):
                if not fault.meets(endpoint):
                    continue
                if fault.times is not None:
                    left = fault.times - 1
                    self._waiting[place : place + 1] = [replace(fault, times=left)] if left > 0 else []
                return fault.kind
        return None
