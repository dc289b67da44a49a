"""Who may use the console, and how that is changed: each change with its audit row, in one commit."""

from __future__ import annotations

import secrets

from bot.accounts import Role, hash_password
from bot.errors import BotError
from state.store import Store

LONGEST_NAME = 100


class LastAdmin(BotError):
    """Nobody would be left who may change who may do what."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is the last admin; make another one first")


class People:
    """Accounts and keys, as one actor changes them."""

    def __init__(self, store: Store, actor: str) -> None:
        self._store = store
        self._actor = actor

    def add(self, name: str, role: Role, *, password: str | None = None, subject: str | None = None) -> None:
        """Make an account that signs in by password, or elsewhere as `subject`.

        Raises:
            BotError: a name or password that cannot be used.
            AlreadyThere: the name or the subject is taken.
        """
        name = plain_name(name)
        if (password is None) == (subject is None):
            raise BotError("an account signs in by a password or elsewhere as a subject; give one of them")
        kept = hash_password(password) if password is not None else None
        with self._store.transaction():
            self._store.accounts.add(name, role, password=kept, subject=subject)
            self._note("account_add", name, role=role.value)
            if self._store.accounts.admins() == 0:
                raise BotError("with the first account everybody must sign in; make it an admin")

    def add_with_password(self, name: str, role: Role) -> str:
        """Make an account with a password made here, to be shown once; errors as in `add`."""
        password = _new_password()
        self.add(name, role, password=password)
        return password

    def set_password(self, name: str, password: str) -> None:
        """Another password; every browser is signed out.

        Raises:
            BotError: it is too short. NotFound: no such account.
        """
        kept = hash_password(password)
        with self._store.transaction():
            self._store.accounts.set_password(name, kept)
            self._note("account_password", name)

    def new_password(self, name: str) -> str:
        """A password made here, to be shown once.

        Raises:
            NotFound: no such account.
        """
        password = _new_password()
        self.set_password(name, password)
        return password

    def set_role(self, name: str, role: Role) -> None:
        """Another role.

        Raises:
            NotFound: no such account. LastAdmin: nobody else may do this again.
        """
        with self._store.transaction():
            self._store.accounts.set_role(name, role)
            self._note("account_role", name, role=role.value)
            self._require_admin(name)

    def disable(self, name: str) -> None:
        """Nobody signs in with it any more; what was done with it stays on record.

        Raises:
            NotFound: no such account. LastAdmin: nobody else may do this again.
        """
        with self._store.transaction():
            self._store.accounts.disable(name)
            self._note("account_disable", name)
            self._require_admin(name)

    def enable(self, name: str) -> None:
        """It can be used again.

        Raises:
            NotFound: no such account.
        """
        with self._store.transaction():
            self._store.accounts.enable(name)
            self._note("account_enable", name)

    def add_key(self, name: str) -> str:
        """Make a key of `/api/v1`, to be shown once.

        Raises:
            BotError: a name that cannot be used. AlreadyThere: it is taken.
        """
        name = plain_name(name)
        with self._store.transaction():
            key = self._store.api_keys.add(name)
            self._store.audit.add(self._actor, "api_key_add", f"api_key:{name}")
        return key

    def disable_key(self, name: str) -> None:
        """Refuse a key from now on.

        Raises:
            NotFound: no such key.
        """
        with self._store.transaction():
            self._store.api_keys.disable(name)
            self._store.audit.add(self._actor, "api_key_disable", f"api_key:{name}")

    def _require_admin(self, name: str) -> None:
        # Asked after the change and inside its transaction, which the error takes back.
        if self._store.accounts.admins() == 0:
            raise LastAdmin(name)

    def _note(self, action: str, name: str, **data: str) -> None:
        self._store.audit.add(self._actor, action, f"account:{name}", data)


def _new_password() -> str:
    return secrets.token_urlsafe(12)


def plain_name(name: str) -> str:
    """A name as it is kept.

    Raises:
        BotError: empty, too long, or not printable.
    """
    plain = name.strip()
    if not plain or not plain.isprintable() or len(plain) > LONGEST_NAME:
        raise BotError(f"a name needs 1 to {LONGEST_NAME} printable characters; choose another")
    return plain
