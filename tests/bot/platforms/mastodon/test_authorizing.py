"""`veritag authorize mastodon`, against the stand-in's pages."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from bot.cli.authorize import environment_lines
from bot.config import Settings
from bot.config.mastodon import Mastodon
from bot.credentials import Credentials
from bot.errors import ConfigError, CredentialsRefused, PlatformUnavailable
from bot.platforms.mastodon.authorizing import SCOPES, authorize
from tests.bot.platforms.mastodon.world import MastodonWorld


class Person:
    """Somebody who opens the page, agrees, and copies the code."""

    def __init__(
        self, address: str, account: str = "veritag", *, meddle: Callable[[], None] | None = None
    ) -> None:
        self.address = address
        self.account = account
        self.said: list[str] = []
        self.defaults: list[str | None] = []
        self.code = ""
        self._meddle = meddle

    def say(self, text: str) -> None:
        self.said.append(text)
        if match := re.search(r"http://\S+/oauth/authorize\S+", text):
            self.code = self._agree(match[0])

    def ask(self, question: str, *, default: str | None = None) -> str:
        self.defaults.append(default)
        return self.code if "code" in question else self.address

    def ask_secret(self, question: str) -> str:
        raise AssertionError(question)

    def _agree(self, page: str) -> str:
        shown = httpx.get(page)
        assert shown.status_code == 200, shown.text
        form = {
            "client_id": re.findall(r'name="client_id" value="([^"]+)"', shown.text)[0],
            "account": self.account,
        }
        agreed = httpx.post(page.partition("?")[0], data=form)
        if self._meddle is not None:
            self._meddle()
        return re.findall(r"<code>(\S+)</code>", agreed.text)[0]


def new_credentials(tmp_path: Path) -> Credentials:
    return Credentials(tmp_path / "new" / "mastodon.json")


def test_a_grant_lets_the_platform_work(world: MastodonWorld, tmp_path: Path) -> None:
    person, kept = Person(world.url + "/"), new_credentials(tmp_path)
    grant = authorize(person, Settings(), kept)
    assert grant.account == "@veritag@127.0.0.1"
    assert world.network.tokens[grant.secrets["access_token"]].scopes == set(SCOPES)
    kept.store(**grant.secrets)
    assert stat.S_IMODE(kept.file.stat().st_mode) == 0o600
    world.credentials = kept
    made = world.mention("real?")
    with_new = world.connect()
    assert [post.id for post in with_new.mentions(with_new.cursor_at_start()).mentions] == [made]
    assert grant.secrets["access_token"] not in "".join(person.said)


def test_the_grant_as_environment_lines(
    world: MastodonWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot.config import load

    grant = authorize(Person(world.url), Settings(), new_credentials(tmp_path))
    for line in environment_lines("mastodon", grant):
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value.strip("'"))
    monkeypatch.chdir(tmp_path)
    settings = load().settings.mastodon
    assert settings.url == world.url
    assert settings.access_token is not None
    assert settings.access_token.get_secret_value() == grant.secrets["access_token"]


def test_a_person_s_account_is_remarked(world: MastodonWorld, tmp_path: Path) -> None:
    person = Person(world.url, account="ann")
    assert authorize(person, Settings(), new_credentials(tmp_path)).account == "@ann@127.0.0.1"
    assert "not marked as a bot" in person.said[-1]


def test_too_few_scopes_are_refused(world: MastodonWorld, tmp_path: Path) -> None:
    def grant_less() -> None:
        (app,) = world.network.apps.values()
        app.scopes = frozenset({"read:statuses"})

    with pytest.raises(CredentialsRefused, match=r"did not grant all.*write:statuses"):
        authorize(Person(world.url, meddle=grant_less), Settings(), new_credentials(tmp_path))


def test_a_wrong_code_is_refused(world: MastodonWorld, tmp_path: Path) -> None:
    def forget() -> None:
        (app,) = world.network.apps.values()
        app.codes.clear()

    with pytest.raises(CredentialsRefused, match="did not take the code"):
        authorize(Person(world.url, meddle=forget), Settings(), new_credentials(tmp_path))


@pytest.mark.parametrize(
    "typed", ["http://mastodon.example", "ftp://x", "https://a b", "https://u:p@h.example"]
)
def test_an_address_that_cannot_be_used(tmp_path: Path, typed: str) -> None:
    with pytest.raises(ConfigError, match="no instance's address") as caught:
        authorize(Person(typed), Settings(), new_credentials(tmp_path))
    assert "u:p" not in str(caught.value)


def test_no_mastodon_there(tmp_path: Path) -> None:
    with pytest.raises(PlatformUnavailable, match="is the address right"):
        authorize(Person("http://127.0.0.1:9"), Settings(), new_credentials(tmp_path))


def test_what_is_known_is_offered(world: MastodonWorld, tmp_path: Path) -> None:
    person = Person(world.url)
    authorize(person, Settings(mastodon=Mastodon(url="https://known.example")), new_credentials(tmp_path))
    assert person.defaults[0] == "https://known.example"
