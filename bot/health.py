"""How the service is, in plain values: what the loops report and what the health endpoint shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be well or not. ``age_seconds``: since it was last seen at work, where known."""

    name: str
    ok: bool
    detail: str = ""
    age_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class HealthReport:
    """All checks at one moment."""

    checks: tuple[Check, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every check is well."""
        return all(check.ok for check in self.checks)
