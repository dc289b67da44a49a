"""Everything that can go wrong in this room, drawn once.

BotError
├── ConfigError             a setting that cannot be used: names it and the mend (exit 2)
├── AlreadyRunning          another process holds this data folder (exit 2)
├── FetchFailed             a detector's weights could not be downloaded
├── PlatformError
│   ├── RateLimited         try again after `retry_at`
│   ├── PlatformUnavailable time-out before an effect, 5xx, malformed answer: try again later
│   ├── OutcomeUnknown      a reply may or may not have been posted: read back before any retry
│   ├── ReplyRefused        the platform will never take this reply
│   ├── CredentialsRefused  the platform does not accept the bot's credentials
│   ├── PostGone            deleted or never existed
│   └── PostHidden          protected, or its author blocks the bot
└── ResolveError            no media could be had: `reason` says why (a `ResolveFailure`)
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum


class BotError(Exception):
    """Base of this room's errors. `str()` is one line that names the cause and the mend."""


class ConfigError(BotError):
    """A setting that cannot be used."""


class AlreadyRunning(BotError):
    """Another process holds this data folder."""


class FetchFailed(BotError):
    """A detector's weights could not be downloaded."""


class PlatformError(BotError):
    """A platform did not do what was asked."""


class RateLimited(PlatformError):
    """The platform asks to wait; ``retry_at`` is timezone-aware, None where it names no time."""

    def __init__(self, detail: str, retry_at: datetime | None = None) -> None:
        super().__init__(detail)
        self.retry_at = retry_at


class PlatformUnavailable(PlatformError):
    """Time-out, server error or malformed answer, surely without effect."""


class OutcomeUnknown(PlatformError):
    """A reply may or may not have been posted."""


class ReplyRefused(PlatformError):
    """The platform will never take this reply."""


class CredentialsRefused(PlatformError):
    """The platform does not accept the bot's credentials."""


class PostGone(PlatformError):
    """The post was deleted or never existed."""


class PostHidden(PlatformError):
    """The post is protected, or its author blocks the bot."""


class ResolveFailure(StrEnum):
    """Why no media could be had. The value is stable: templates and operators key on it."""

    GONE = "gone"
    PRIVATE = "private"
    LOGIN_NEEDED = "login_needed"
    AGE_GATED = "age_gated"
    REGION = "region"
    RATE_LIMITED = "rate_limited"
    UNSUPPORTED = "unsupported_site"
    NO_MEDIA = "no_media"
    LIVE_STREAM = "live_stream"
    TOO_LARGE = "too_large"
    TOO_LONG = "too_long"
    BLOCKED_ADDRESS = "blocked_address"
    NETWORK = "network"
    SITE_CHANGED = "site_changed"


class ResolveError(BotError):
    """No media could be had; `passing` says that another try later may help."""

    def __init__(self, reason: ResolveFailure, detail: str, *, retry_at: datetime | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.retry_at = retry_at

    @property
    def passing(self) -> bool:
        """Whether another try later may help."""
        return self.reason in {ResolveFailure.NETWORK, ResolveFailure.RATE_LIMITED}
