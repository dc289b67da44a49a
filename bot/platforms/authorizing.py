"""What a platform's part of `veritag authorize` is given, and what it hands back.

Each platform that has an account to obtain brings `bot.platforms.NAME.authorizing` with

    authorize(terminal: Terminal, settings: Settings, credentials: Credentials) -> Grant

It leads a person through the platform's own steps, checks that what was granted lets the bot read and write,
and returns the secrets. It stores nothing: the command does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Terminal(Protocol):
    """The person at the keyboard."""

    def say(self, text: str) -> None:
        """Tell something."""

    def ask(self, question: str, *, default: str | None = None) -> str:
        """An answer, without the spaces around it."""

    def ask_secret(self, question: str) -> str:
        """An answer that is not shown while it is typed."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What was obtained. ``account`` is for people (a handle); ``secrets`` go by their settings' names.

    A secret named ``access_token`` can be stored for platform `x`, or set as VERITAG_X__ACCESS_TOKEN. An
    empty one takes the place of what may be stored from an earlier grant of another kind.
    """

    account: str
    secrets: Mapping[str, str]
