"""How the service is, in plain values: what the loops report and what the health endpoint shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be well or not.

    ``age_seconds``: since it was last seen at work, where known. ``degraded``: it is well, but others make it
    slow, and nobody here can do anything about it; the detail says who.
    """

    name: str
    ok: bool
    detail: str = ""
    age_seconds: float | None = None
    degraded: bool = False


@dataclass(frozen=True, slots=True)
class HealthReport:
    """All checks at one moment."""

    checks: tuple[Check, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every check is well."""
        return all(check.ok for check in self.checks)

    @property
    def status(self) -> str:
        """All of it in a word: `ok`, `degraded` or `failing`."""
        if not self.ok:
            return "failing"
        return "degraded" if any(check.degraded for check in self.checks) else "ok"
