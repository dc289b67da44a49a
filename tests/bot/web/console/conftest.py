"""A bot over a small inbox with its console, in this process, on a real state file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from analysis.stub import StubAnalyzer
from bot.accounts import hash_password
from bot.config import Settings
from bot.parts import Parts, put_together
from bot.web.serving import create_app
from state.model import Step
from tests.bot.world import InboxWorld, busy_inbox

PASSWORD = "correct horse battery"


@dataclass
class Console:
    """The application, and the bot behind it."""

    app: FastAPI
    parts: Parts
    world: InboxWorld

    def settle(self) -> None:
        """Let the bot do everything that is due."""
        flow, (platform,) = self.parts.flow, self.parts.platforms
        cursor = self.parts.store.cursors.get("inbox") or platform.cursor_at_start()
        flow.accept(platform, platform.mentions(cursor))
        while any(self._step(step) for step in Step if step is not Step.NOTICE):
            pass

    def _step(self, step: Step) -> int:
        jobs = self.parts.flow.claim(step, ("inbox",), 100)
        for job in jobs:
            self.parts.flow.run(job)
        return len(jobs)

    def client(self, host: str = "127.0.0.1:8080", address: str = "127.0.0.1") -> Browser:
        """A new browser; ``host`` is what it has in its address bar."""
        return Browser(self.app, base_url=f"http://{host}", client=(address, 50_000), follow_redirects=False)

    def account(self, name: str, role: str) -> None:
        """Make an account with the tests' password."""
        self.parts.store.accounts.add(name, role, password=hash_password(PASSWORD))


class Browser(TestClient):
    """A browser that fills in the form's proof."""

    def csrf(self, page: str = "/console/operations") -> str:
        """The form token that a page holds."""
        found = re.search(r'"X-CSRF-Token": "([0-9a-f]+)"', self.get(page).text)
        assert found, "the page holds no form token"
        return found[1]

    def submit(self, address: str, page: str = "/console/operations", **fields: Any) -> Any:
        """Send a form as the page would."""
        return self.post(address, data={"csrf": self.csrf(page), **fields})

    def sign_in(self, name: str, password: str = PASSWORD) -> Any:
        """Sign in as somebody."""
        return self.post("/console/sign-in", data={"name": name, "password": password})


OpenConsole = Callable[..., Console]


@pytest.fixture
def open_console(tmp_path: Path) -> Iterator[OpenConsole]:
    """Make a console; settings by section, as in `web={"public_url": ...}`."""
    with ExitStack() as stack:

        def open_(**sections: Any) -> Console:
            world, _ = busy_inbox(tmp_path / f"inbox-{len(list(tmp_path.iterdir()))}")
            settings = Settings(
                data_dir=tmp_path / "data",
                platforms=["inbox"],
                **{"inbox": {"folder": world.folder}, "watch": {"max_age_hours": 1e7}} | sections,
            )
            together = put_together(settings, lambda *_: StubAnalyzer(), Event(), draws_cards=False)
            parts = stack.enter_context(together)
            return Console(create_app(parts), parts, world)

        yield open_


@pytest.fixture
def console(open_console: OpenConsole) -> Console:
    """A console as it is set up by default, before the bot has done anything."""
    return open_console()
