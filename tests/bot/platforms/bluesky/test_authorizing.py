"""`veritag authorize bluesky`."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import Settings
from bot.credentials import Credentials
from bot.errors import ConfigError
from bot.platforms.bluesky.authorizing import authorize
from tests.bot.platforms.bluesky.world import BlueskyWorld


class Keyboard:
    """A person who answers as told."""

    def __init__(self, handle: str, password: str) -> None:
        self.handle, self.password = handle, password
        self.told: list[str] = []

    def say(self, text: str) -> None:
        self.told.append(text)

    def ask(self, question: str, *, default: str | None = None) -> str:
        return self.handle or default or ""

    def ask_secret(self, question: str) -> str:
        return self.password


@pytest.fixture
def settings(world: BlueskyWorld) -> Settings:
    return Settings(bluesky={"service_url": world.url, "plc_url": world.url})


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    return Credentials(tmp_path / "credentials" / "bluesky.json")


def test_what_was_granted_can_be_used(
    world: BlueskyWorld, settings: Settings, credentials: Credentials
) -> None:
    keyboard = Keyboard(f"@{world.bot.handle}", world.bot.app_password)
    grant = authorize(keyboard, settings, credentials)
    assert grant.account == f"@{world.bot.handle}"
    assert grant.secrets == {"handle": world.bot.handle, "app_password": world.bot.app_password}
    assert not any("own password" in text for text in keyboard.told)


def test_the_accounts_own_password_is_taken_with_a_warning(
    world: BlueskyWorld, settings: Settings, credentials: Credentials
) -> None:
    keyboard = Keyboard(world.bot.handle, world.bot.password)
    authorize(keyboard, settings, credentials)
    assert "own password" in keyboard.told[-1]


def test_a_stored_handle_is_offered_again(
    world: BlueskyWorld, settings: Settings, credentials: Credentials
) -> None:
    credentials.store(handle=world.bot.handle)
    grant = authorize(Keyboard("", world.bot.app_password), settings, credentials)
    assert grant.secrets["handle"] == world.bot.handle


def test_a_wrong_password_is_refused_without_being_shown(
    world: BlueskyWorld, settings: Settings, credentials: Credentials
) -> None:
    with pytest.raises(ConfigError, match="check the handle") as error:
        authorize(Keyboard(world.bot.handle, "wrong-secret"), settings, credentials)
    assert "wrong-secret" not in str(error.value)


def test_a_server_that_is_not_there_is_named(credentials: Credentials) -> None:
    nowhere = Settings(bluesky={"service_url": "http://127.0.0.1:9"})
    with pytest.raises(ConfigError, match="service_url"):
        authorize(Keyboard("a.test", "b"), nowhere, credentials)
