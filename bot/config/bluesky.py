"""Settings of the platform `bluesky`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from bot.config.base import Seconds, Section, Unit

_ORIGIN = r"^https?://(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::[0-9]{1,5})?$"
_STREAM = r"^wss?://(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?$"
Origin = Annotated[str, Field(max_length=500, pattern=_ORIGIN)]


def _plain_handle(handle: str) -> str:
    return handle.removeprefix("@")


class Bluesky(Section):
    """The platform `bluesky`; see docs/platform-bluesky.md."""

    handle: Annotated[
        str | None,
        AfterValidator(_plain_handle),
        Field(max_length=254, description="The bot's handle; `veritag authorize bluesky` stores it."),
    ] = None
    app_password: Annotated[
        SecretStr | None,
        Field(description="An app password of that account; `veritag authorize bluesky` stores it."),
    ] = None
    service_url: Annotated[
        Origin, Field(examples=["https://bsky.social"], description="The server that holds the account.")
    ] = "https://bsky.social"
    plc_url: Annotated[
        Origin,
        Field(examples=["https://plc.directory"], description="The directory that knows accounts' servers."),
    ] = "https://plc.directory"
    jetstream_url: Annotated[
        str | None,
        Field(
            max_length=500,
            pattern=_STREAM,
            examples=["wss://jetstream2.us-east.bsky.network/subscribe"],
            description="A Jetstream, which tells of new posts at once; without one they are looked for.",
        ),
    ] = None
    page_size: Annotated[
        int, Unit("notifications"), Field(ge=1, le=100, description="Notifications that are read at once.")
    ] = 100
    poll_interval: Annotated[
        Seconds, Field(ge=0, le=3600, description="Least time between two looks at the notifications.")
    ] = 10.0
    reply_interval: Annotated[
        Seconds, Field(ge=0, le=3600, description="Least time between two replies.")
    ] = 1.0
    connect_timeout: Annotated[Seconds, Field(gt=0, le=300, description="Longest wait to connect.")] = 10.0
    read_timeout: Annotated[Seconds, Field(gt=0, le=300, description="Longest silence of the server.")] = 30.0
