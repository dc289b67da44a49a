"""The platform `mastodon`: settings in `bot.config.mastodon`, credentials by `veritag authorize mastodon`."""

from __future__ import annotations

from bot.errors import ConfigError
from bot.platforms.access import Access
from bot.platforms.mastodon.platform import MastodonPlatform

__all__ = ["MastodonPlatform", "create"]


def create(
    access: Access,
    *,
    url: str | None,
    page_size: int,
    visibility: str,
    request_timeout: float,
    streaming: bool,
) -> MastodonPlatform:
    """The platform from its settings; the instance's address may come with the stored credentials.

    Raises:
        ConfigError: the address or the token is not there.
    """
    stored = access.credentials.all()
    url = url or stored.get("url")
    if url is None or "access_token" not in stored:
        missing = "url" if url is None else "access_token"
        raise ConfigError(f"mastodon.{missing} is not set; run `veritag authorize mastodon`, or set it")
    return MastodonPlatform(
        url,
        access,
        page_size=page_size,
        visibility=visibility,
        request_timeout=request_timeout,
        streaming=streaming,
    )
