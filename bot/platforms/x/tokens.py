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

_ACCESS, _EXPIRES, _CAME_WITH = "oauth2_access_token", "oauth2_expires_at", "oauth2_came_with"
"""What is stored beside `refresh_token`: the access token, and which refresh token it came with."""


class OAuth2Tokens:
    """The tokens of one account, renewed when they run out. Safe to use from several threads.

    The first refresh token is a setting, or was stored by `veritag authorize`. Each successor is stored in
    its place before anything is asked with it; when another is set by hand, that one counts.
    """

    def __init__(
        self, credentials: Credentials, exchange: Callable[[Mapping[str, str], str], Token], clock: Clock
    ) -> None:
        """`exchange` asks X for new tokens: of the secrets, with that refresh token."""
        self._credentials = credentials
        self._exchange = exchange
        self._clock = clock
        self._renewing = threading.Lock()

    def access_token(self, *, refused: str | None = None) -> str:
        """An access token that holds; never ``refused``, which X has just not accepted.

        Raises:
            RateLimited, PlatformUnavailable: there is none now.
            CredentialsRefused: X does not take the refresh token.
            ConfigError: the new tokens cannot be stored.
        """
        with self._renewing:
            secrets = self._credentials.all()  # another thread may have renewed them meanwhile
            held = self._held(secrets)
            if held is not None and held != refused and self._expiry(secrets) > self._clock.now() + _EARLY:
                return held
            return self._renew(secrets)

    def _renew(self, secrets: Mapping[str, str]) -> str:
        spent = secrets["refresh_token"]
        token = self._exchange(secrets, spent)
        successor = token.refresh_token or spent
        self._credentials.store(
            **{
                "refresh_token": successor,
                _ACCESS: token.access_token,
                _EXPIRES: (self._clock.now() + timedelta(seconds=token.expires_in)).isoformat(),
                _CAME_WITH: _fingerprint(successor),
            }
        )
        return token.access_token

    def _held(self, secrets: Mapping[str, str]) -> str | None:
        """The stored access token, if it belongs to the refresh token that holds now."""
        if secrets.get(_CAME_WITH) != _fingerprint(secrets["refresh_token"]):
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
