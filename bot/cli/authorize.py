"""`veritag authorize`: obtain the credentials of the bot's account on a platform."""

from __future__ import annotations

import shlex
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.options import ConfigOption, configuration, print_text
from bot.errors import ConfigError

if TYPE_CHECKING:
    from bot.platforms.authorizing import Grant

PLATFORMS = {
    "bluesky": "bot.platforms.bluesky.authorizing",
    "mastodon": "bot.platforms.mastodon.authorizing",
    "x": "bot.platforms.x.authorizing",
}
"""By platform, the module with `authorize(terminal, settings, credentials) -> Grant`."""


class _Keyboard:
    """A `bot.platforms.authorizing.Terminal`: questions go to standard error, so output can be piped."""

    def say(self, text: str) -> None:
        typer.echo(text, err=True)

    def ask(self, question: str, *, default: str | None = None) -> str:
        return str(typer.prompt(question, default=default, err=True)).strip()

    def ask_secret(self, question: str) -> str:
        return str(typer.prompt(question, hide_input=True, err=True)).strip()


def authorize(
    context: typer.Context,
    platform: Annotated[str, typer.Argument(metavar="PLATFORM", help=f"One of {', '.join(PLATFORMS)}.")],
    print_lines: Annotated[
        bool, typer.Option("--print", help="Print environment lines instead of storing anything.")
    ] = False,
    config_file: ConfigOption = None,
) -> None:
    """Obtain the credentials of the bot's account, check what they permit, and store them."""
    from bot.assembly import open_credentials

    if platform not in PLATFORMS:
        raise ConfigError(f"there is nothing to authorize for {platform!r}; known: {', '.join(PLATFORMS)}")
    settings = configuration(context, config_file).settings
    credentials = open_credentials(settings, platform)
    keyboard = _Keyboard()
    grant: Grant = import_module(PLATFORMS[platform]).authorize(keyboard, settings, credentials)
    if print_lines:
        print_text("".join(f"{line}\n" for line in environment_lines(platform, grant)))
        return
    credentials.store(**grant.secrets)
    keyboard.say(f"Stored for {grant.account} in {credentials.file}; only you can read it.")


def environment_lines(platform: str, grant: Grant) -> list[str]:
    """The grant as lines that a shell or an environment file takes."""
    from bot.config.model import ENV_DELIMITER, ENV_PREFIX

    start = f"{ENV_PREFIX}{platform.upper()}{ENV_DELIMITER}"
    told = {name: secret for name, secret in grant.secrets.items() if secret}
    return [f"{start}{name.upper()}={shlex.quote(secret)}" for name, secret in told.items()]
