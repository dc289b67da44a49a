"""Trying again: how long, how often, and how a step says that it failed in passing."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.errors import CredentialsRefused

CREDENTIALS_WAIT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a step may take and how often it is tried again. Times in seconds."""

    attempts: int
    backoff_base: float
    backoff_max: float
    lease: float
    notice_after: float
    give_up_after: float = 86_400.0

    def wait(self, attempts: int) -> timedelta:
        """Exponential back-off with full jitter over its upper half."""
        longest = min(self.backoff_max, self.backoff_base * 2.0**attempts)
        return timedelta(seconds=longest * random.uniform(0.5, 1.0))


class TryAgain(Exception):
    """A step failed in passing; ``until`` where somebody named a time. ``counts`` as one of its attempts."""

    def __init__(
        self, reason: str, detail: str, until: datetime | None = None, *, counts: bool = True
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.until = until
        self.counts = counts


def until_credentials(problem: CredentialsRefused, now: datetime) -> TryAgain:
    """The platform refuses the bot's credentials: other ones may do, and nobody is to blame for these."""
    return TryAgain("credentials_refused", str(problem), now + CREDENTIALS_WAIT, counts=False)
