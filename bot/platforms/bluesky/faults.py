"""What a failed request to Bluesky means, as this room's errors.

status 429                        RateLimited, until the time that the headers name
a token that is no longer good    StaleSession (the session is renewed and the request made again)
the account is closed, 403        CredentialsRefused
no such post or record            PostGone
the record is there already       AlreadyThere
5xx, silence, a torn answer       OutcomeUnknown for what may have had an effect, else PlatformUnavailable
another 4xx                       ReplyRefused for what was to be written, else PlatformUnavailable
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
from atproto_client.exceptions import RateLimitExceededError, RequestErrorBase
from atproto_client.models.common import XrpcError

from bot.errors import (
    CredentialsRefused,
    OutcomeUnknown,
    PlatformError,
    PlatformUnavailable,
    PostGone,
    RateLimited,
    ReplyRefused,
    ResolveError,
)
from bot.platforms.bluesky import lexicon
from bot.resolver.reading.payload import Payload

_BEFORE_THE_REQUEST = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_LONGEST_DETAIL = 200


class StaleSession(PlatformError):
    """The session's token is refused: renew the session. Never leaves this package."""


class AlreadyThere(PlatformError):
    """A record stands under this key already. Never leaves this package."""


def understood(error: Exception, method: str, *, writes: bool) -> PlatformError:
    """What a failure of the client library means. ``writes``: the request may have made a record."""
    response = error.response if isinstance(error, RequestErrorBase) else None
    if response is None:
        return _without_answer(error, method, writes=writes)
    name, message = _words(response.content)
    detail = f"Bluesky answers {method} with HTTP {response.status_code} {name}: {message}".rstrip(": ")
    if isinstance(error, RateLimitExceededError):
        return RateLimited(detail, _retry_at(error))
    if name in lexicon.CLOSED_ACCOUNT:
        return CredentialsRefused(f"{detail}; the bot's account is closed, see to it on Bluesky")
    if response.status_code == 401 or name in lexicon.STALE_TOKEN:
        return StaleSession(detail)
    if response.status_code == 403:
        return CredentialsRefused(f"{detail}; run `veritag authorize bluesky` again")
    if name in {lexicon.NO_POST, lexicon.NO_RECORD}:
        return PostGone(detail)
    if name == lexicon.ALREADY_THERE:
        return AlreadyThere(detail)
    if response.status_code >= 500 or response.status_code == 408:
        return OutcomeUnknown(detail) if writes else PlatformUnavailable(detail)
    return ReplyRefused(detail) if writes else PlatformUnavailable(detail)


def must(payload: Payload, *keys: str) -> str:
    """The text that must stand in an answer.

    Raises:
        PlatformUnavailable: it does not.
    """
    try:
        return payload.text(*keys)
    except ResolveError as error:
        raise PlatformUnavailable(str(error)) from error


def _without_answer(error: Exception, method: str, *, writes: bool) -> PlatformError:
    cause = error.__cause__ or error
    words = str(cause) or type(cause).__name__
    if isinstance(cause, httpx.HTTPError):
        detail = f"Bluesky does not answer {method} ({words[:_LONGEST_DETAIL]})"
    else:
        detail = f"Bluesky's answer to {method} is no JSON"
    if writes and not isinstance(cause, _BEFORE_THE_REQUEST):
        return OutcomeUnknown(detail)
    return PlatformUnavailable(detail)


def _words(content: object) -> tuple[str, str]:
    if isinstance(content, XrpcError):
        return content.error or "", (content.message or "")[:_LONGEST_DETAIL]
    return "", ""


def _retry_at(error: RateLimitExceededError) -> datetime | None:
    if error.retry_after is not None:
        return datetime.now(UTC) + timedelta(seconds=error.retry_after)
    try:
        reset_at: datetime | None = error.reset_at
    except (ValueError, OverflowError, OSError):
        return None
    return reset_at
