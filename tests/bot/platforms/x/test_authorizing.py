"""`veritag authorize x`, against the stand-in: both ways, and what is refused."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot.assembly import open_credentials
from bot.errors import CredentialsRefused
from bot.platforms.x.authorizing import authorize
from bot.standins.x.accounts import API_KEY, API_SECRET, CLIENT_ID
from tests.bot.platforms.x.world import XWorld, x_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[XWorld]:
    with x_world(tmp_path) as world:
        world.secrets = {}
        yield world


class Person:
    """Somebody who opens the page that they are told to, and types what it shows."""

    def __init__(self, way: str, *, wrong: bool = False) -> None:
        self.way = way
        self.wrong = wrong
        self.page = ""

    def say(self, text: str) -> None:
        found = re.search(r"http\S+", text)
        self.page = found[0] if found else self.page

    def ask(self, question: str, *, default: str | None = None) -> str:
        if "OAuth" in question:
            return self.way
        if "PIN" in question:
            pin = re.search(r"<b>(\d+)</b>", httpx.get(self.page).text)
            assert pin is not None
            return "0000000" if self.wrong else pin[1]
        if "whole address" in question:
            address = httpx.get(self.page).headers["location"]
            return address.replace("state=", "state=x") if self.wrong else address
        assert default is not None
        return default

    def ask_secret(self, question: str) -> str:
        answers = {"API key of": API_KEY, "API key secret": API_SECRET, "Client id": CLIENT_ID, "Client": "-"}
        return next(answer for start, answer in answers.items() if question.startswith(start))


@pytest.mark.parametrize("way", ["1", "2"])
def test_a_grant_lets_the_bot_speak(world: XWorld, way: str) -> None:
    settings = world.settings()
    credentials = open_credentials(settings, "x")
    grant = authorize(Person(way), settings, credentials)
    assert grant.account == "@veritag"
    credentials.store(**grant.secrets)
    assert stat.S_IMODE(credentials.file.stat().st_mode) == 0o600
    platform = world.connect()
    assert platform.me().handle == "veritag"
    mention = world.mention()
    assert platform.mentions(platform.cursor_at_start()).mentions[0].id == mention


def test_the_newest_grant_counts_whatever_came_before(world: XWorld) -> None:
    settings = world.settings()
    credentials = open_credentials(settings, "x")
    for way in ("1", "2", "1"):
        credentials.store(**authorize(Person(way), settings, credentials).secrets)
        world.stand_in.tokens.expire()
        secrets = credentials.all()
        assert bool(secrets.get("access_token")) == (way == "1")
        assert world.connect().me().handle == "veritag"


@pytest.mark.parametrize("way", ["1", "2"])
def test_a_grant_that_may_only_read_is_refused(world: XWorld, way: str) -> None:
    world.stand_in.tokens.permission = "read"
    settings = world.settings()
    with pytest.raises(CredentialsRefused, match="read and write"):
        authorize(Person(way), settings, open_credentials(settings, "x"))


@pytest.mark.parametrize("person", [Person("1", wrong=True), Person("2", wrong=True), Person("3")])
def test_wrong_answers_get_nothing(world: XWorld, person: Person) -> None:
    settings = world.settings()
    with pytest.raises(CredentialsRefused, match="authorize x"):
        authorize(person, settings, open_credentials(settings, "x"))
