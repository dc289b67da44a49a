"""The platform `bluesky`, on the AT Protocol; see docs/platform-bluesky.md."""

from __future__ import annotations

from typing import Any

from bot.platforms.access import Access
from bot.platforms.bluesky.platform import BlueskyPlatform, ListeningBluesky


def create(access: Access, *, jetstream_url: str | None = None, **options: Any) -> BlueskyPlatform:
    """The platform from its section of the configuration; it listens only where a Jetstream is named."""
    if jetstream_url:
        return ListeningBluesky(access, jetstream_url=jetstream_url, **options)
    return BlueskyPlatform(access, **options)
