"""What X's refusals mean: by status and problem type, and by X's words only where it gives nothing else."""

from __future__ import annotations

from enum import Enum, auto
from http import HTTPStatus

import requests
from pydantic import ValidationError

from bot.errors import CredentialsRefused, OutcomeUnknown, PlatformError, PlatformUnavailable, ReplyRefused
from bot.platforms.x import fields
from bot.platforms.x.fields import Refused

_NOT_ALLOWED = frozenset(
    {fields.CLIENT_FORBIDDEN, fields.OAUTH1_PERMISSIONS, fields.UNSUPPORTED_AUTHENTICATION}
)
_LONGEST = 200
_AUTHORIZE = "run `veritag authorize x` again"


class TokenRefused(CredentialsRefused):
    """X does not know the token (any longer); a new one may do."""


class Duplicate(ReplyRefused):
    """X holds the text for a repetition of a post that stands."""


class NoSuchParent(ReplyRefused):
    """X says that the post replied to is deleted, or not visible to the bot: one answer for both."""


class Missing(PlatformUnavailable):
    """What is asked for is not there."""


class StalePage(PlatformUnavailable):
    """X does not know the page token (any longer)."""


class _Meaning(Enum):
    DUPLICATE = auto()
    NO_SUCH_PARENT = auto()
    NOT_ALLOWED = auto()


_WORDS = (
    ("duplicate content", _Meaning.DUPLICATE),
    ("deleted or not visible to you", _Meaning.NO_SUCH_PARENT),
    ("reply tweet id is invalid", _Meaning.NO_SUCH_PARENT),
    ("oauth1 app permissions", _Meaning.NOT_ALLOWED),
    ("account is temporarily locked", _Meaning.NOT_ALLOWED),
    ("account is suspended", _Meaning.NOT_ALLOWED),
)
"""X's English for what has no problem type of its own; matched without case, anywhere in its answer."""

_REFUSED: dict[_Meaning | None, type[ReplyRefused]] = {
    _Meaning.DUPLICATE: Duplicate,
    _Meaning.NO_SUCH_PARENT: NoSuchParent,
}
"""What these words make of a post that X refuses."""


def error_of(response: requests.Response, *, effect: bool) -> PlatformError:
    """The error that an answer's status stands for; 429 is not among them.

    Args:
        effect: Whether the request was to post something, so that a broken answer leaves its outcome open.
    """
    status = response.status_code
    refused = _body(response)
    said = f"X answered {status}" + (f": {refused.words()[:_LONGEST]}" if refused.words() else "")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return OutcomeUnknown(said) if effect else PlatformUnavailable(said)
    if status == HTTPStatus.UNAUTHORIZED:
        return TokenRefused(f"{said}; {_AUTHORIZE}")
    if status == HTTPStatus.PAYMENT_REQUIRED:
        return PlatformUnavailable(f"{said}; the app at X has no credits left, buy some")
    meaning = _meaning(refused)
    if meaning is _Meaning.NOT_ALLOWED:
        return CredentialsRefused(f"{said}; allow the app to read and write, then {_AUTHORIZE}")
    if effect:
        return _REFUSED.get(meaning, ReplyRefused)(said)
    if meaning is not None:
        return PlatformUnavailable(said)  # no post was sent that they could be about
    if status == HTTPStatus.NOT_FOUND:
        return Missing(said)
    if status == HTTPStatus.BAD_REQUEST and "pagination_token" in response.text:
        return StalePage(said)
    if status == HTTPStatus.FORBIDDEN:
        return CredentialsRefused(f"{said}; look at the account and the app at X")
    return PlatformUnavailable(said)


def _meaning(refused: Refused) -> _Meaning | None:
    if not _NOT_ALLOWED.isdisjoint(refused.types()):
        return _Meaning.NOT_ALLOWED
    said = refused.words().casefold()
    return next((meaning for words, meaning in _WORDS if words in said), None)


def _body(response: requests.Response) -> Refused:
    try:
        return Refused.model_validate_json(response.content)
    except ValidationError:
        return Refused()
