"""The credentials of the bot's accounts: a file per platform that only its owner can read, or given ones.

`veritag authorize PLATFORM` writes them. The file is looked at again when it changes, so a token that was
renewed, by the bot or by hand, is used without a restart.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

from bot.errors import ConfigError

_REPLACES = ":replaces"
"""After a secret's name: the digest of the given one in whose place it was stored."""


class Credentials:
    """One account's secrets by name. Safe to use from several threads.

    ``given`` (configuration and environment) wins over the file, name by name, unless what is stored took the
    place of that very value: a token that was renewed once must not come back with the next start.
    """

    def __init__(self, file: Path, given: Mapping[str, str] | None = None) -> None:
        self.file = file
        self._given = dict(given or {})
        self._guard = threading.Lock()
        self._stored: dict[str, str] = {}
        self._stamp: tuple[int, int, int] | None = None

    def all(self) -> Mapping[str, str]:
        """What holds now.

        Raises:
            ConfigError: the file is there and cannot be used, or others can read it.
        """
        with self._guard:
            self._look()
            secrets = {name: value for name, value in self._stored.items() if not name.endswith(_REPLACES)}
            for name, value in self._given.items():
                if name not in secrets or self._stored.get(name + _REPLACES) != _digest(value):
                    secrets[name] = value
            return secrets

    def store(self, **secrets: str) -> None:
        """Keep these beside what is stored already, in a file of mode 0600 that is replaced in one step.

        Raises:
            ConfigError: the file cannot be written.
        """
        with self._guard:
            self._look()
            replaced = {
                name + _REPLACES: _digest(self._given[name]) for name in secrets if name in self._given
            }
            try:
                self._write(self._stored | secrets | replaced)
            except OSError as error:
                raise ConfigError(f"{self.file} cannot be written ({_words(error)}); mend that") from error
            self._stamp = None

    def _look(self) -> None:
        try:
            status = self.file.stat()
        except FileNotFoundError:
            self._stored, self._stamp = {}, None
            return
        except OSError as error:
            raise ConfigError(f"{self.file} cannot be read ({_words(error)}); mend that") from error
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        if stamp == self._stamp:
            return
        if status.st_mode & 0o077:
            raise ConfigError(f"{self.file} can be read by others; run `chmod 600 {self.file}`")
        self._stored, self._stamp = _read(self.file), stamp

    def _write(self, secrets: Mapping[str, str]) -> None:
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self.file.parent, prefix=f".{self.file.name}-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(dict(secrets), file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.file)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _read(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{file} cannot be read ({_words(error)}); mend that") from error
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ConfigError(f"{file} holds no credentials; run `veritag authorize {file.stem}` again")
    return found


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _words(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
