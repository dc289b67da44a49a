"""Requests to X: through tweepy, past the gate, with time-outs, and with X's errors as this project's."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar, cast

import requests
import tweepy
from pydantic import BaseModel, ValidationError
from requests.auth import HTTPBasicAuth
from typing_extensions import override
from urllib3.exceptions import NameResolutionError, NewConnectionError

from bot.clock import Clock, SystemClock
from bot.errors import ConfigError, CredentialsRefused, OutcomeUnknown, PlatformUnavailable, RateLimited
from bot.platforms.access import Access
from bot.platforms.gate import Call
from bot.platforms.money import NOTHING
from bot.platforms.x import fields
from bot.platforms.x.fields import Token
from bot.platforms.x.refusals import TokenRefused, error_of
from bot.platforms.x.tokens import OAuth2Tokens

TWEEPY_HOST = "https://api.twitter.com"
_OAUTH1 = ("api_key", "api_secret", "access_token", "access_token_secret")
_OAUTH2 = ("client_id", "refresh_token")
TOKEN_URL = f"{TWEEPY_HOST}/2/oauth2/token"

Ask = Callable[[tweepy.Client], Any]
Model = TypeVar("Model", bound=BaseModel)
Actual = Callable[[Model], Decimal]


@dataclass(frozen=True, slots=True)
class Patience:
    """Time-outs in seconds: to connect, and between two pieces of an answer."""

    connect: float
    read: float


class Session(requests.Session):
    """A session that asks another host than tweepy's own, with the time-outs that tweepy lacks.

    The address is exchanged before a request is signed, so that the signature is for the host that is asked.
    """

    def __init__(self, api_url: str, patience: Patience) -> None:
        super().__init__()
        self._api_url = api_url.rstrip("/")
        self._patience = patience

    @override
    def request(self, method: str, url: str | bytes, *args: Any, **options: Any) -> requests.Response:
        """Send one request; redirects are not followed, for they would take the credentials along."""
        address = str(url)
        if address.startswith(TWEEPY_HOST):
            address = self._api_url + address.removeprefix(TWEEPY_HOST)
        options["timeout"] = (self._patience.connect, self._patience.read)
        options["allow_redirects"] = False
        return super().request(method, address, *args, **options)


class Client:
    """One account's requests. Safe to use from several threads."""

    def __init__(
        self, access: Access, api_url: str, patience: Patience, *, clock: Clock | None = None
    ) -> None:
        self._access = access
        self._session = Session(api_url, patience)
        self._tokens = OAuth2Tokens(access.credentials, self._exchange, clock or SystemClock())
        self._guard = threading.Lock()
        self._built: tuple[tuple[str | None, ...], tweepy.Client] | None = None

    def ask(
        self,
        endpoint: str,
        answer: type[Model],
        ask: Ask,
        *,
        cost: Decimal = NOTHING,
        actual: Actual[Model] | None = None,
        effect: bool = False,
        as_app: bool = False,
    ) -> Model:
        """One request, read as ``answer``.

        Args:
            endpoint: its name at the gate.
            ask: makes the request with the client that it is given, for a `requests.Response`.
            cost: US dollars that it may cost at most.
            actual: what it cost, from the answer; without it ``cost``. What fails is not charged for.
            effect: whether it posts something.
            as_app: with the app's own token, where there is one.

        Raises:
            RateLimited, PlatformUnavailable, CredentialsRefused: as in `Platform`.
            OutcomeUnknown, ReplyRefused: only of requests with an ``effect``.
        """
        secrets = self._secrets()
        with self._access.gate.call(endpoint, cost=cost) as call:
            try:
                response = self._send(ask, secrets, call, effect=effect, as_app=as_app)
            except OutcomeUnknown:
                raise
            except Exception:
                call.charge(NOTHING)
                raise
            try:
                found = answer.model_validate_json(response.content)
            except ValidationError:
                raise _broken("X's answer cannot be read", effect=effect) from None
            if actual is not None:
                call.charge(actual(found))
            return found

    def close(self) -> None:
        """Let connections go."""
        self._session.close()

    def fingerprint(self) -> int:
        """Another number when other credentials hold."""
        return hash(tuple(self._secrets().get(name) for name in (*_OAUTH1, *_OAUTH2)))

    def _secrets(self) -> Mapping[str, str]:
        try:
            return self._access.credentials.all()
        except ConfigError as error:
            raise CredentialsRefused(str(error)) from error

    def _send(
        self, ask: Ask, secrets: Mapping[str, str], call: Call, *, effect: bool, as_app: bool
    ) -> requests.Response:
        """One request, and one more where an OAuth 2.0 token turns out to hold no longer."""
        api = self._api(secrets, as_app=as_app)
        token = api.bearer_token
        try:
            return _through(ask, api, call, effect=effect)
        except TokenRefused:
            if token is None or token == secrets.get("bearer_token"):
                raise
        renewed = self._token(refused=token)
        return _through(ask, self._with_token(renewed), call, effect=effect)

    def _api(self, secrets: Mapping[str, str], *, as_app: bool) -> tweepy.Client:
        if as_app and secrets.get("bearer_token"):
            return self._with_token(secrets["bearer_token"])
        if all(secrets.get(name) for name in _OAUTH1):
            return self._client(None, *(secrets[name] for name in _OAUTH1))
        if all(secrets.get(name) for name in _OAUTH2):
            return self._with_token(self._token())
        raise CredentialsRefused("x has no account to speak for; run `veritag authorize x`")

    def _token(self, *, refused: str | None = None) -> str:
        try:
            return self._tokens.access_token(refused=refused)
        except ConfigError as error:
            raise CredentialsRefused(str(error)) from error

    def _with_token(self, token: str) -> tweepy.Client:
        return self._client(token, None, None, None, None)

    def _client(self, *secrets: str | None) -> tweepy.Client:
        with self._guard:
            if self._built is None or self._built[0] != secrets:
                api = tweepy.Client(*secrets, return_type=requests.Response, wait_on_rate_limit=False)
                api.session = self._session
                self._built = (secrets, api)
            return self._built[1]

    def _exchange(self, secrets: Mapping[str, str], refresh_token: str) -> Token:
        """New tokens for a refresh token; called by one thread at a time."""
        client_id, client_secret = secrets["client_id"], secrets.get("client_secret")
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": client_id}
        auth = HTTPBasicAuth(client_id, client_secret) if client_secret else None
        with self._access.gate.call("token") as call:
            response = _sent(
                lambda: self._session.request("POST", TOKEN_URL, data=form, auth=auth),
                effect=False,
            )
            _note_budget(response, call)
            if response.status_code in {400, 401}:
                raise CredentialsRefused("X does not take the refresh token; run `veritag authorize x` again")
            _raise_for(response, effect=False)
            try:
                return Token.model_validate_json(response.content)
            except ValidationError:
                raise PlatformUnavailable("X's answer to a token's renewal cannot be read") from None


def as_user(api: tweepy.Client) -> bool:
    """What tweepy calls `user_auth`: whether requests of this client are signed for an account."""
    return api.bearer_token is None


def _through(ask: Ask, api: tweepy.Client, call: Call, *, effect: bool) -> requests.Response:
    response = _sent(lambda: ask(api), effect=effect)
    _note_budget(response, call)
    _raise_for(response, effect=effect)
    return response


def _sent(send: Callable[[], Any], *, effect: bool) -> requests.Response:
    """The answer, whatever its status.

    tweepy raises for error statuses, and trips over bodies and headers that are not as it expects them.
    """
    try:
        return cast(requests.Response, send())
    except tweepy.HTTPException as error:
        return cast(requests.Response, error.response)
    except requests.ConnectionError as error:
        surely_unsent = isinstance(error, requests.ConnectTimeout) or isinstance(
            getattr(error.args[0] if error.args else None, "reason", None),
            (NewConnectionError, NameResolutionError),
        )
        raise _broken(f"X cannot be reached ({_kind(error)})", effect=effect and not surely_unsent) from None
    except requests.RequestException as error:
        raise _broken(f"X did not answer to the end ({_kind(error)})", effect=effect) from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise _broken("X's answer cannot be read", effect=effect) from None


def _broken(detail: str, *, effect: bool) -> OutcomeUnknown | PlatformUnavailable:
    return OutcomeUnknown(detail) if effect else PlatformUnavailable(detail)


def _kind(error: Exception) -> str:
    return "time-out" if isinstance(error, requests.Timeout) else type(error).__name__


def _note_budget(response: requests.Response, call: Call) -> None:
    limit, remaining, reset_at = window(response)
    call.budget(limit=limit, remaining=remaining, reset_at=reset_at)


def _raise_for(response: requests.Response, *, effect: bool) -> None:
    if response.status_code == requests.codes.too_many_requests:
        raise RateLimited("X asks to wait", window(response)[2])
    if not response.ok or response.is_redirect:
        raise error_of(response, effect=effect)


def window(response: requests.Response) -> tuple[int | None, int | None, datetime | None]:
    """Limit, what remains of it, and its reset, of the window that has least left; of equals the longest."""
    told = []
    for window in fields.WINDOWS:
        limit, remaining, reset = (
            _number(response.headers.get(window + ending))
            for ending in (fields.LIMIT, fields.REMAINING, fields.RESET)
        )
        if reset is not None:
            told.append((math.inf if remaining is None else remaining, -reset, limit, remaining, reset))
    if not told:
        return None, None, None
    _, _, limit, remaining, reset = min(told, key=lambda each: each[:2])
    return limit, remaining, datetime.fromtimestamp(reset, UTC)


def _number(text: str | None) -> int | None:
    """A header's number; what cannot be one, or no time that the calendar knows, counts as not said."""
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= 11 else None
