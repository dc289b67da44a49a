"""`veritag authorize bluesky`: a handle and an app password, tried out before they are stored."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping

import httpx

from bot.config import Settings
from bot.credentials import Credentials
from bot.errors import ConfigError
from bot.platforms.authorizing import Grant, Terminal
from bot.platforms.bluesky import lexicon

_STEPS = (
    "The bot signs in with an app password, which can read and post but not take the account away.\n"
    "Make one under Settings > Privacy and security > App passwords, or at\n"
    "https://bsky.app/settings/app-passwords; it needs no access to direct messages."
)
_WARNING = (
    "This is the account's own password: whoever reads it here can take the account away. Make an app "
    "password, and run this again."
)


def authorize(terminal: Terminal, settings: Settings, credentials: Credentials) -> Grant:
    """Ask for handle and app password, and sign in with them once.

    Raises:
        ConfigError: Bluesky refuses them, or cannot be asked.
    """
    chosen = settings.bluesky
    terminal.say(_STEPS)
    known = chosen.handle or credentials.all().get("handle")
    handle = terminal.ask("Handle of the bot's account", default=known).removeprefix("@")
    password = terminal.ask_secret("App password")
    timeout = httpx.Timeout(chosen.read_timeout, connect=chosen.connect_timeout)
    session = _sign_in(chosen.service_url, handle, password, timeout)
    if _scope(session["accessJwt"]) not in lexicon.APP_PASSWORD_SCOPES:
        terminal.say(_WARNING)
    return Grant(f"@{session['handle']}", {"handle": session["handle"], "app_password": password})


def _sign_in(url: str, handle: str, password: str, timeout: httpx.Timeout) -> Mapping[str, str]:
    body = {"identifier": handle, "password": password}
    try:
        answer = httpx.post(f"{url}/xrpc/{lexicon.CREATE_SESSION}", json=body, timeout=timeout)
        told = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise ConfigError(f"bluesky.service_url: {url} cannot be asked ({error}); mend it") from error
    if not isinstance(told, dict):
        told = {}
    if answer.status_code == 200 and all(isinstance(told.get(name), str) for name in ("accessJwt", "handle")):
        return told
    if told.get("error") == lexicon.SECOND_FACTOR:
        raise ConfigError("Bluesky wants a code by mail, so this is no app password; make one")
    words = str(told.get("message") or f"HTTP {answer.status_code}")
    raise ConfigError(f"Bluesky refuses {handle} ({words}); check the handle and the app password")


def _scope(token: str) -> str:
    """What an access token allows: the claim `scope` of the JWT; the empty text where it cannot be read."""
    body = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, binascii.Error):
        return ""
    return str(claims.get("scope", "")) if isinstance(claims, dict) else ""
