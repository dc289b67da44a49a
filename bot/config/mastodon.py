"""Settings of the platform `mastodon`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from bot.config.base import LowerCase, Seconds, Section, Unit
from bot.config.services import Address, Key, is_here

_HERE = "https://mastodon.example"


def _private(address: str | None) -> str | None:
    if address is not None and not address.startswith("https:") and not is_here(address):
        raise PydanticCustomError(
            "plain_http",
            "would show the bot's token to the network by plain http",
            {"mend": "use https, or a stand-in on 127.0.0.1"},
        )
    return address


class Mastodon(Section):
    """The platform `mastodon`; see docs/platform-mastodon.md."""

    url: Annotated[
        Address | None,
        AfterValidator(_private),
        Field(examples=[_HERE], description="Address of the bot's instance; `veritag authorize` stores it."),
    ] = None
    access_token: Annotated[
        Key | None, Field(description="Access token of the bot's account; `veritag authorize` stores it.")
    ] = None
    page_size: Annotated[
        int, Unit("mentions"), Field(ge=1, le=80, description="Mentions that are read at once.")
    ] = 40
    visibility: Annotated[
        Literal["public", "unlisted", "direct"],
        LowerCase,
        Field(description="How widely a reply is seen at most; never more than the mention."),
    ] = "unlisted"
    streaming: Annotated[
        bool, Field(description="Hold the user stream, so that mentions are read at once.")
    ] = True
    request_timeout: Annotated[
        Seconds, Field(gt=0, le=300, description="Longest silence of the instance.")
    ] = 20.0
