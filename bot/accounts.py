"""Signing in: passwords kept as argon2 hashes, and a guesser slowed down.

Parameters are those of RFC 9106's second recommendation (64 MiB, three passes), argon2-cffi's default.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from enum import StrEnum

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from bot.config.web import Web
from bot.errors import BotError
from state.errors import NotFound
from state.model import AccountRow
from state.store import Store

MIN_PASSWORD = 10
FREE_TRIES = 5
LONGEST_PAUSE = timedelta(minutes=15)
REMEMBERED = 10_000
HASHES_AT_ONCE = 2  # each takes 64 MiB

_HASHER = PasswordHasher()
_PLACES = threading.BoundedSemaphore(HASHES_AT_ONCE)
# Checked for names that do not exist, so that the time it takes tells nothing.
_NOBODY = _HASHER.hash(secrets.token_urlsafe())


class Role(StrEnum):
    """What an operator may do, each what those before may, and more."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    ADMIN = "admin"

    def may(self, needed: Role) -> bool:
        """Whether this role is enough."""
        roles = list(Role)
        return roles.index(self) >= roles.index(needed)


class SignInRefused(BotError):
    """The name or the password is wrong, or too many tries were made; ``retry_at`` in that case."""

    def __init__(self, detail: str, retry_at: datetime | None = None) -> None:
        super().__init__(detail)
        self.retry_at = retry_at


def hash_password(password: str) -> str:
    """The hash to be kept.

    Raises:
        BotError: the password is too short.
    """
    if len(password) < MIN_PASSWORD:
        raise BotError(f"a password needs at least {MIN_PASSWORD} characters; choose a longer one")
    with _PLACES:
        return _HASHER.hash(password)


class Throttle:
    """Counts failures by key; after a few, each doubles the time in which no further try is looked at."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, datetime]] = OrderedDict()
        self._guard = threading.Lock()

    def closed_until(self, key: str, now: datetime) -> datetime | None:
        """Until when no try is looked at, None if now."""
        with self._guard:
            failures, last = self._failures.get(key, (0, now))
        if failures < FREE_TRIES:
            return None
        until = last + min(LONGEST_PAUSE, timedelta(seconds=2.0 ** (failures - FREE_TRIES + 1)))
        return until if until > now else None

    def failed(self, key: str, now: datetime) -> None:
        """Count a failure; the oldest keys are forgotten where there are too many."""
        with self._guard:
            failures, _ = self._failures.pop(key, (0, now))
            self._failures[key] = (min(failures + 1, 40), now)
            while len(self._failures) > REMEMBERED:
                self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget what was counted."""
        with self._guard:
            self._failures.pop(key, None)


class Gatekeeper:
    """Lets operators in by name and password, and remembers their browsers by a token."""

    def __init__(self, store: Store, lasting: timedelta) -> None:
        """`lasting`: how long a browser stays signed in."""
        self._store = store
        self._lasting = lasting
        self._throttle = Throttle()

    @classmethod
    def of(cls, store: Store, web: Web) -> Gatekeeper:
        """As configured."""
        return cls(store, timedelta(hours=web.session_hours))

    def sign_in(self, name: str, password: str, address: str) -> str:
        """The token of a browser that is signed in from now on.

        Raises:
            SignInRefused: with the same words whether the name or the password is wrong.
        """
        now = self._store.now()
        # By name, so that many addresses cannot guess one password; by address, so that one cannot try many.
        keys = (f"name:{name.casefold()[:200]}", f"address:{address}")
        for key in keys:
            if (until := self._throttle.closed_until(key, now)) is not None:
                raise SignInRefused("too many tries; wait a little", until)
        account = self._account(name)
        if not _is_right(password, account):
            for key in keys:
                self._throttle.failed(key, now)
            raise SignInRefused("the name or the password is wrong")
        assert account is not None
        for key in keys:
            self._throttle.succeeded(key)
        return self.remember(account)

    def remember(self, account: AccountRow) -> str:
        """Sign a browser in as this account, however that was proven; its token."""
        token = secrets.token_urlsafe(32)
        with self._store.transaction():
            self._store.accounts.sign_in(account.id, token, self._lasting)
            self._store.audit.add(account.name, "sign_in", f"account:{account.name}")
        return token

    def _account(self, name: str) -> AccountRow | None:
        try:
            account = self._store.accounts.named(name)
        except NotFound:
            return None
        return account if account.disabled_at is None else None


def _is_right(password: str, account: AccountRow | None) -> bool:
    kept = account.password if account else None
    try:
        with _PLACES:
            _HASHER.verify(kept or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None
