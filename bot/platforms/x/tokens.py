"""OAuth 2.0 access tokens: two hours each, and a refresh token that is good for one exchange only."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from bot.clock import Clock
from bot.credentials import Credentials
from bot.errors import CredentialsRefused
from bot.platforms.x.fields import Token

_EARLY = timedelta(seconds=60)

_ACCESS, _REFRESH, _EXPIRES, _FIRST = (
    "oauth2_access_token",
    "oauth2_refresh_token",
    "oauth2_expires_at",
    "oauth2_first",
)
"""What is stored: the tokens that hold now, and which first refresh token they come from."""


class OAuth2Tokens:
    """The tokens of one account, renewed when they run out. Safe to use from several threads.

    The first refresh token is a setting, or was stored by `veritag authorize`. Its successors are stored
    beside it, each before its predecessor is forgotten; another first token starts a new line.
    """

    def __init__(
        self, credentials: Credentials, exchange: Callable[[Mapping[str, str], str], Token], clock: Clock
    ) -> None:
        """`exchange` asks X for new tokens: of the secrets, with that refresh token."""
        self._credentials = credentials
        self._exchange = exchange
        self._clock = clock
        self._renewing = threading.Lock()

    def access_token(self, secrets: Mapping[str, str], *, refused: str | None = None) -> str:
        """An access token that holds; never ``refused``, which X has just not accepted.

        Raises:
            RateLimited, PlatformUnavailable: there is none now.
            CredentialsRefused: X does not take the refresh token.
            ConfigError: the new tokens cannot be stored.
        """
        with self._renewing:
            # Another thread may have renewed them while this one waited.
            secrets = self._credentials.all() if refused is not None else secrets
            held = self._held(secrets)
            if held is not None and held != refused and self._expiry(secrets) > self._clock.now() + _EARLY:
                return held
            return self._renew(secrets)

    def _renew(self, secrets: Mapping[str, str]) -> str:
        first = secrets["refresh_token"]
        current = secrets.get(_REFRESH) if self._held(secrets) is not None else None
        token = self._exchange(secrets, current or first)
        expires = self._clock.now() + timedelta(seconds=token.expires_in)
        self._credentials.store(
            **{
                _ACCESS: token.access_token,
                _REFRESH: token.refresh_token or current or first,
                _EXPIRES: expires.isoformat(),
                _FIRST: _fingerprint(first),
            }
        )
        return token.access_token

    def _held(self, secrets: Mapping[str, str]) -> str | None:
        """The stored access token, if it comes from the first refresh token that holds now."""
        if secrets.get(_FIRST) != _fingerprint(secrets["refresh_token"]):
            return None
        return secrets.get(_ACCESS)

    def _expiry(self, secrets: Mapping[str, str]) -> datetime:
        try:
            return datetime.fromisoformat(secrets[_EXPIRES])
        except (KeyError, ValueError):
            raise CredentialsRefused(
                f"{self._credentials.file} is damaged; run `veritag authorize x` again"
            ) from None


def _fingerprint(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:16]
