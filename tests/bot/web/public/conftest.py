"""A bot with public pages, and what it has answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from state.model import MentionRow, MentionState
from tests.bot.web.console.conftest import Browser, Console, OpenConsole, open_console

__all__ = ["open_console"]

HOST = "bot.example"
PUBLIC = {
    "web": {"public_url": f"https://{HOST}"},
    "public": {"enabled": True, "contact": "verdicts@bot.example"},
}

Publish = Callable[..., "Published"]


class Published:
    """A console whose bot has answered everything."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.store = console.parts.store
        self.world = console.world
        console.settle()

    def visitor(self, host: str = HOST, address: str = "203.0.113.9") -> Browser:
        """Somebody somewhere."""
        return self.console.client(host, address)

    def mention(self, name: str = "m-picture") -> MentionRow:
        """A mention by its post's name."""
        (found,) = (m for m in self.store.mentions.in_state(*MentionState) if m.post.platform_id == name)
        return found

    def page(self, name: str = "m-picture") -> str:
        """Where the page of a mention is."""
        page = self.store.public_pages.of_mention(self.mention(name).id)
        assert page is not None
        return f"/v/{page.token}"


@pytest.fixture
def publish(open_console: OpenConsole) -> Publish:
    """Make a bot with public pages, let it answer; settings by section."""

    def make(**sections: Any) -> Published:
        merged = {name: values | sections.pop(name, {}) for name, values in PUBLIC.items()}
        return Published(open_console(**merged, **sections))

    return make
