"""The platforms by name. A new one is a module with a `create` function, and a line here."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from bot.errors import ConfigError
from bot.platforms.access import Access
from bot.platforms.base import Platform

_MODULES = {
    "bluesky": "bot.platforms.bluesky",
    "inbox": "bot.platforms.inbox",
    "x": "bot.platforms.x",
    "mastodon": "bot.platforms.mastodon",
}


def names() -> tuple[str, ...]:
    """The platforms that are known, in alphabetical order."""
    return tuple(sorted(_MODULES))


def create_platform(name: str, access: Access, **options: object) -> Platform:
    """The platform of that name, from its section of the configuration.

    Only this platform's module, and the client library it needs, is imported.

    Raises:
        ConfigError: no such platform, its client library is not installed, or an option that it cannot use.
    """
    if name not in _MODULES:
        raise ConfigError(f"platforms: there is no {name!r}; known: {', '.join(names())}")
    try:
        module = import_module(_MODULES[name])
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"platforms: {name!r} needs the package {error.name}; run `pip install 'veritag[{name}]'`"
        ) from error
    return cast(Platform, module.create(access, **options))
