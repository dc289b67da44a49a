"""`veritag authorize mastodon`: register the bot as an app, have a person agree, take the token."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import requests
from mastodon import Mastodon
from mastodon.errors import MastodonAPIError, MastodonError
from pydantic import ValidationError

from bot.config.mastodon import Mastodon as Section
from bot.config.services import is_here
from bot.errors import ConfigError, CredentialsRefused, PlatformUnavailable
from bot.platforms.authorizing import Grant, Terminal
from bot.redact import mask_secrets, printable

if TYPE_CHECKING:
    from bot.config import Settings
    from bot.credentials import Credentials

T = TypeVar("T")

SCOPES = ("read:accounts", "read:notifications", "read:statuses", "write:media", "write:statuses")
"""What the bot needs, and no more: it follows nobody and changes no profile."""

APP = "Veritag"


def authorize(terminal: Terminal, settings: Settings, credentials: Credentials) -> Grant:
    """Lead a person through the code flow of their instance.

    Raises:
        ConfigError: the address cannot be used.
        PlatformUnavailable: no Mastodon answers there.
        CredentialsRefused: the code, or what was granted, is not enough.
    """
    known = settings.mastodon.url or credentials.all().get("url")
    url = _address(terminal.ask("Address of the bot's instance", default=known))
    timeout = settings.mastodon.request_timeout
    client_id, client_secret = _asking(
        url,
        lambda: Mastodon.create_app(
            APP, scopes=list(SCOPES), api_base_url=url, request_timeout=timeout, user_agent=APP
        ),
    )
    client = Mastodon(
        client_id=client_id,
        client_secret=client_secret,
        api_base_url=url,
        request_timeout=timeout,
        ratelimit_method="throw",
        mastodon_version="4.3.0",
        version_check_mode="created",
        user_agent=APP,
    )
    here = is_here(url)
    page = _asking(url, lambda: client.auth_request_url(scopes=list(SCOPES), allow_http=here))
    terminal.say(f"Sign in as the bot, open this page, and agree:\n\n  {page}\n")
    code = terminal.ask("The code that it shows then")
    try:
        token = client.log_in(code=code, scopes=list(SCOPES), allow_http=here)
    except MastodonAPIError as error:
        needed = ", ".join(SCOPES)
        raise CredentialsRefused(
            f"{url} did not grant all that the bot needs ({needed}); run this again"
        ) from error
    except MastodonError as error:
        raise CredentialsRefused(f"{url} did not take the code; run this again for a new one") from error
    account = _asking(url, client.account_verify_credentials)
    handle = f"@{account['acct']}@{urlsplit(url).hostname}"
    if not account["bot"]:
        terminal.say("This account is not marked as a bot: do so under Preferences, Public profile.")
    return Grant(handle, {"url": url, "access_token": token})


def _address(typed: str) -> str:
    """An instance's address; `https://` may be left out."""
    address = (typed if "://" in typed else f"https://{typed}").rstrip("/")
    try:
        Section(url=address)
    except ValidationError as error:
        mend = "write it as https://mastodon.example; plain http is for 127.0.0.1 alone"
        raise ConfigError(f"{printable(mask_secrets(typed))!r} is no instance's address; {mend}") from error
    return address


def _asking(url: str, ask: Callable[[], T]) -> T:
    """Something that Mastodon.py asks; what it raises names neither the server nor a mend."""
    try:
        return ask()
    except (MastodonError, requests.RequestException, KeyError, TypeError) as error:
        raise PlatformUnavailable(f"{url} does not answer as Mastodon does; is the address right?") from error
