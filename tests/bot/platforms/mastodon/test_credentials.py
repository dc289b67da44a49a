"""Tokens: from settings or a file, renewed without a restart, never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.assembly import build_platforms
from bot.config import Settings
from bot.config.mastodon import Mastodon
from bot.credentials import Credentials
from bot.errors import ConfigError, CredentialsRefused, PlatformUnavailable
from bot.platforms.access import Access
from bot.platforms.base import Pushing
from bot.platforms.gate import Gate
from bot.platforms.mastodon import create
from tests.bot.platforms.contract import draft
from tests.bot.platforms.mastodon.world import MastodonWorld

OPTIONS = {"page_size": 5, "visibility": "unlisted", "request_timeout": 2.0, "streaming": True}


def test_a_renewed_token_is_used_at_once(world: MastodonWorld) -> None:
    made = world.mention("real?")
    platform = world.connect()
    assert platform.mentions("0").mentions
    del world.network.tokens[world.stand_in.token]
    with pytest.raises(CredentialsRefused, match="authorize mastodon"):
        platform.mentions("0")
    with pytest.raises(CredentialsRefused):
        platform.fetch_post(world.post("look"))
    with pytest.raises(CredentialsRefused):
        platform.reply(draft(made))
    world.credentials.store(access_token=world.network.grant(world.bot))
    assert platform.mentions("0").mentions
    assert platform.reply(draft(made))


def test_a_file_that_goes_bad_is_told_and_mended(world: MastodonWorld) -> None:
    platform = world.connect()
    platform.me()
    world.credentials.file.write_text('{"access_token": "from elsewhere"}')
    world.credentials.file.chmod(0o644)
    with pytest.raises(CredentialsRefused, match="chmod 600"):
        platform.mentions("0")
    world.credentials.file.chmod(0o600)
    world.credentials.file.write_text("{}")
    with pytest.raises(CredentialsRefused, match="no access token"):
        platform.mentions("0")


def test_too_narrow_a_token_is_refused(world: MastodonWorld) -> None:
    world.credentials.store(access_token=world.network.grant(world.bot, ["read"]))
    made = world.mention("real?")
    platform = world.connect()
    assert platform.mentions("0").mentions
    with pytest.raises(CredentialsRefused, match="outside the authorized scopes"):
        platform.reply(draft(made))


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    empty = Access(Gate("mastodon"), Credentials(tmp_path / "none.json"))
    with pytest.raises(ConfigError, match=r"mastodon\.url is not set; run `veritag authorize mastodon`"):
        create(empty, url=None, **OPTIONS)
    with pytest.raises(ConfigError, match=r"mastodon\.access_token is not set"):
        create(empty, url="https://m.example", **OPTIONS)


def test_the_stored_address_is_enough(world: MastodonWorld, tmp_path: Path) -> None:
    credentials = Credentials(tmp_path / "m.json")
    credentials.store(url=world.url, access_token=world.stand_in.token)
    platform = create(Access(Gate("mastodon"), credentials), url=None, **OPTIONS)
    assert platform.me().handle == "veritag"
    assert platform.me().is_bot


@pytest.mark.parametrize("test_mode", [False, True])
def test_it_is_built_from_settings(world: MastodonWorld, tmp_path: Path, test_mode: bool) -> None:
    settings = Settings(
        data_dir=tmp_path / "data",
        test_mode=test_mode,
        platforms=["mastodon"],
        mastodon=Mastodon(url=world.url, access_token=world.stand_in.token),  # type: ignore[arg-type]
    )
    (platform,) = build_platforms(settings)
    assert isinstance(platform, Pushing)
    made = world.mention("real?")
    assert [post.id for post in platform.mentions("0").mentions] == [made]
    platform.reply(draft(made))
    assert len(world.replies()) == (not test_mode)
    assert platform.text_rules.max_length == 500


@pytest.mark.parametrize(
    "url", ["http://m.example", "m.example", "https://m.example/?x", "https://u@m.example"]
)
def test_an_address_without_privacy_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        Mastodon(url=url)


def test_no_error_shows_the_token(ending: MastodonWorld) -> None:
    platform = ending.connect()
    token = ending.stand_in.token
    del ending.network.tokens[token]
    with pytest.raises(CredentialsRefused) as caught:
        platform.me()
    chain: BaseException | None = caught.value
    while chain is not None:
        assert token not in str(chain)
        chain = chain.__cause__ or chain.__context__
    ending.stop()
    with pytest.raises(PlatformUnavailable) as gone:
        platform.me()
    assert token not in str(gone.value)
