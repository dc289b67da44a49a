"""What a platform gets besides its settings: the gate for its requests, and its account's credentials."""

from __future__ import annotations

from dataclasses import dataclass

from bot.credentials import Credentials
from bot.platforms.gate import Gate


@dataclass(frozen=True, slots=True)
class Access:
    """How one platform is reached."""

    gate: Gate
    credentials: Credentials
