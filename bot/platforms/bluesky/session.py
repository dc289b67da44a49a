"""The bot's session with its server: tokens that outlive the process, renewed when they have run out.

The tokens stand beside the app password in the credentials' file, so that a restart makes no new session:
Bluesky allows few of them (30 in 5 minutes and 300 a day for an account). They count only for the handle and
password that they were had with; a password that is changed there or in the configuration brings a new one.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.errors import ConfigError, CredentialsRefused, RateLimited
from bot.platforms.access import Access
from bot.platforms.bluesky import lexicon
from bot.platforms.bluesky.faults import StaleSession, must
from bot.resolver.reading.payload import Payload

AUTHORIZE = "run `veritag authorize bluesky`"


@dataclass(frozen=True, slots=True)
class Tokens:
    """One session's tokens, and whose they are."""

    access: str
    refresh: str
    did: str
    handle: str


class Session:
    """Keeps the tokens. Safe to use from several threads.

    ``request`` makes one procedure call: method, JSON body and token (or None), to the answer.
    """

    def __init__(
        self,
        access: Access,
        handle: str | None,
        request: Callable[[str, Mapping[str, Any] | None, str | None], Payload],
    ) -> None:
        self._credentials = access.credentials
        self._gate = access.gate
        self._handle = handle
        self._request = request
        self._guard = threading.Lock()
        self._refused: str | None = None  # whose handle and password

    def tokens(self) -> Tokens:
        """Tokens that may be good; a new session's where there are none.

        Raises:
            CredentialsRefused: there is no account, or Bluesky refuses it.
            RateLimited, PlatformUnavailable: try again later.
        """
        with self._guard:
            return self._stored() or self._create()

    def renew(self, stale: Tokens) -> Tokens:
        """Tokens in the place of these, which were refused; one renewal however many threads ask.

        Raises:
            As `tokens`.
        """
        with self._guard:
            stored = self._stored()
            if stored is not None and stored.access != stale.access:
                return stored
            try:
                answer = self._request(lexicon.REFRESH_SESSION, None, stale.refresh)
            except StaleSession:
                return self._create()
            return self._keep(answer)

    def _stored(self) -> Tokens | None:
        known = self._known()
        names = ("access_jwt", "refresh_jwt", "did", "session_handle")
        if known.get("session_of") != self._owner() or not all(known.get(name) for name in names):
            return None
        return Tokens(*(known[name] for name in names))

    def _create(self) -> Tokens:
        handle, password = self._account()
        owner = self._owner()
        refused = f"Bluesky refuses the bot's handle and app password; {AUTHORIZE}"
        try:
            with self._gate.call(f"sessions of {owner}"):
                answer = self._sign_in(handle, password)
        except RateLimited as error:
            if isinstance(error.__cause__, StaleSession):
                self._refused = owner
            if self._refused == owner:
                raise CredentialsRefused(f"{refused} ({error})") from error
            raise
        self._refused = None
        return self._keep(answer)

    def _sign_in(self, handle: str, password: str) -> Payload:
        try:
            return self._request(lexicon.CREATE_SESSION, {"identifier": handle, "password": password}, None)
        except StaleSession as error:
            # For the gate this is a wish to wait: sessions are few, so each further try comes later.
            raise RateLimited(str(error)) from error

    def _keep(self, answer: Payload) -> Tokens:
        tokens = Tokens(*(must(answer, name) for name in ("accessJwt", "refreshJwt", "did", "handle")))
        try:
            self._credentials.store(
                access_jwt=tokens.access,
                refresh_jwt=tokens.refresh,
                did=tokens.did,
                session_handle=tokens.handle,
                session_of=self._owner(),
            )
        except ConfigError as error:
            raise CredentialsRefused(str(error)) from error
        return tokens

    def _account(self) -> tuple[str, str]:
        known = self._known()
        handle, password = self._handle or known.get("handle"), known.get("app_password")
        if not handle or not password:
            raise CredentialsRefused(f"there is no account for bluesky; {AUTHORIZE}")
        return handle, password

    def _owner(self) -> str:
        return hashlib.sha256("\n".join(self._account()).encode()).hexdigest()[:16]

    def _known(self) -> Mapping[str, str]:
        try:
            return self._credentials.all()
        except ConfigError as error:
            raise CredentialsRefused(str(error)) from error
