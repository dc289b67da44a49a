"""What an HTTP answer means: a body, another place to go, or a named reason why there is nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from bot.errors import ResolveError, ResolveFailure

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LONGEST_WAIT = timedelta(days=1)
_REASONS = {
    401: ResolveFailure.LOGIN_NEEDED,
    403: ResolveFailure.PRIVATE,
    404: ResolveFailure.GONE,
    410: ResolveFailure.GONE,
    413: ResolveFailure.TOO_LARGE,
    429: ResolveFailure.RATE_LIMITED,
    451: ResolveFailure.REGION,
}
_BRIEF = frozenset({408, 425, 500, 502, 503, 504})


class BriefFault(ResolveError):
    """A fault of the network that may be over in a second: worth another try within the same fetch."""

    def __init__(self, detail: str) -> None:
        super().__init__(ResolveFailure.NETWORK, detail)


def refusal(status: int, headers: Mapping[str, str], place: str) -> ResolveError | None:
    """The error that a status means; None for 200, the only one that brings a body.

    ``headers`` have lower-case names; ``place`` is the URL as it may be shown.
    """
    if status == 200:
        return None
    said = f"{place} answers with HTTP {status}"
    wait = asked_to_wait(headers, datetime.now(UTC))
    if status == 429 or (status == 503 and wait is not None):
        return ResolveError(ResolveFailure.RATE_LIMITED, f"{said}: ask again later", retry_at=wait)
    if status in _BRIEF:
        return BriefFault(said)
    return ResolveError(meaning_of_status(status), said)


def meaning_of_status(status: int) -> ResolveFailure:
    """The reason that a status other than 200 gives."""
    if status >= 500 or status == 408:
        return ResolveFailure.NETWORK
    return _REASONS.get(status, ResolveFailure.NO_MEDIA)


def asked_to_wait(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """When the next request is welcome: by `Retry-After`, else by the reset of a spent allowance.

    The reset is told as seconds since 1970 (X, GitHub), as seconds from now (Reddit), or as an ISO time
    (Mastodon).
    """
    if "retry-after" in headers:
        return retry_at(headers["retry-after"], now)
    reset = headers.get("x-rate-limit-reset") or headers.get("x-ratelimit-reset") or ""
    try:
        seconds = float(reset)
        moment = datetime.fromtimestamp(seconds, UTC) if seconds > 1e9 else now + timedelta(seconds=seconds)
    except (ValueError, OverflowError, OSError):
        try:
            moment = datetime.fromisoformat(reset.strip())
        except ValueError:
            return None
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return min(max(moment, now), now + _LONGEST_WAIT)


def retry_at(value: str | None, now: datetime) -> datetime | None:
    """When `Retry-After` (RFC 9110 section 10.2.3: seconds, or a date) allows the next request.

    Within a day from ``now``, whatever it says; None where it says nothing that can be read.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        seconds = int(text[:9]) if len(text) <= 9 else _LONGEST_WAIT.total_seconds()
        return now + min(timedelta(seconds=seconds), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return min(max(moment, now), now + _LONGEST_WAIT)
