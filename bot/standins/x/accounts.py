"""How the stand-in knows who asks: OAuth 1.0a and 2.0 tokens, handed out and taken back."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote

from bot.clock import Clock
from bot.standins.x.state import Account, Refusal

API_KEY, API_SECRET = "standin-api-key", "standin-api-secret"
APP_TOKEN = "standin-app-token"  # noqa: S105
CLIENT_ID = "standin-client"
SCOPES = "tweet.read tweet.write users.read media.write offline.access"
ACCESS_SECONDS = 7200
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``account`` is None for an app that speaks for itself."""

    token: str
    account: Account | None


@dataclass(slots=True)
class _Asked:
    """A permission that somebody was sent to give."""

    account: Account
    verifier: str


class Tokens:
    """Every token that holds. ``permission`` is what the app is allowed: `read-write`, or `read`."""

    def __init__(self, clock: Clock) -> None:
        self.permission = "read-write"
        self._clock = clock
        self._guard = threading.Lock()
        self._oauth1: dict[str, Account] = {}
        self._oauth2: dict[str, tuple[Account, datetime]] = {}
        self._refresh: dict[str, Account] = {}
        self._asked: dict[str, _Asked] = {}

    def oauth1(self, account: Account) -> dict[str, str]:
        """Settings of `[x]` by which the bot speaks for an account."""
        token = f"{account.id}-{secrets.token_hex(12)}"
        with self._guard:
            self._oauth1[token] = account
        return {
            "api_key": API_KEY,
            "api_secret": API_SECRET,
            "access_token": token,
            "access_token_secret": f"secret-{token}",
        }

    def oauth2(self, account: Account) -> dict[str, str]:
        """The same by OAuth 2.0."""
        return {"client_id": CLIENT_ID, "refresh_token": self._new_refresh(account)}

    def revoke(self) -> None:
        """Take every token back."""
        with self._guard:
            for tokens in (self._oauth1, self._oauth2, self._refresh):
                tokens.clear()

    def expire(self) -> None:
        """Let every OAuth 2.0 access token end now; refresh tokens stay."""
        with self._guard:
            self._oauth2.clear()

    def caller(self, header: str) -> Caller:
        """Who an Authorization header speaks for.

        Raises:
            Refusal: a token that is not known.
        """
        scheme, _, rest = header.partition(" ")
        with self._guard:
            if scheme == "OAuth":
                token = oauth1_parameters(header).get("oauth_token", "")
                if token in self._oauth1:
                    return Caller(token, self._oauth1[token])
            if scheme == "Bearer":
                if rest == APP_TOKEN:
                    return Caller(rest, None)
                account, until = self._oauth2.get(rest, (None, None))
                if until is not None and self._clock.now() < until:
                    return Caller(rest, account)
        raise Refusal(401, None, "Unauthorized")

    def ask(self, account: Account) -> tuple[str, str]:
        """A request for permission: its token, and the PIN (or code) that giving it brings."""
        token, verifier = secrets.token_hex(8), str(secrets.randbelow(9_000_000) + 1_000_000)
        with self._guard:
            self._asked[token] = _Asked(account, verifier)
        return token, verifier

    def given(self, token: str) -> str:
        """The PIN of a request."""
        with self._guard:
            if token not in self._asked:
                raise Refusal(400, None, "This request token is not known.")
            return self._asked[token].verifier

    def redeem_pin(self, token: str, pin: str) -> tuple[Account, dict[str, str]]:
        """OAuth 1.0a tokens for a PIN."""
        with self._guard:
            asked = self._asked.get(token)
            if asked is None or asked.verifier != pin:
                raise Refusal(401, None, "Invalid request token or PIN.")
            del self._asked[token]
        return asked.account, self.oauth1(asked.account)

    def redeem_code(self, code: str, challenge: str, verifier: str) -> dict[str, object]:
        """OAuth 2.0 tokens for a code, by PKCE (RFC 7636, S256)."""
        digest = hashlib.sha256(verifier.encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != challenge:
            raise Refusal(400, None, "Value passed for the code verifier did not match the code challenge.")
        with self._guard:
            found = next((token for token, each in self._asked.items() if each.verifier == code), None)
            if found is None:
                raise Refusal(400, None, "Value passed for the authorization code was invalid.")
            account = self._asked.pop(found).account
        return self._tokens(account)

    def refresh(self, token: str) -> dict[str, object]:
        """New OAuth 2.0 tokens; the old refresh token ends."""
        with self._guard:
            account = self._refresh.pop(token, None)
        if account is None:
            raise Refusal(400, None, "Value passed for the token was invalid.")
        return self._tokens(account)

    def _tokens(self, account: Account) -> dict[str, object]:
        access = f"access-{secrets.token_hex(12)}"
        with self._guard:
            self._oauth2[access] = (account, self._clock.now() + timedelta(seconds=ACCESS_SECONDS))
        scope = SCOPES if self.permission == "read-write" else "tweet.read users.read offline.access"
        return {
            "token_type": "bearer",
            "access_token": access,
            "refresh_token": self._new_refresh(account),
            "expires_in": ACCESS_SECONDS,
            "scope": scope,
        }

    def _new_refresh(self, account: Account) -> str:
        token = f"refresh-{secrets.token_hex(12)}"
        with self._guard:
            self._refresh[token] = account
        return token


def oauth1_parameters(header: str) -> Mapping[str, str]:
    """The parameters of an OAuth 1.0a header. Signatures are not looked at."""
    return {name: unquote(value) for name, value in _PARAMETER.findall(header)}
