"""Settings of the platform `mastodon`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from bot.config.base import LowerCase, Seconds, Section, Unit
from bot.config.services import Address, Key, is_here

_HERE = "https://mastodon.example"


class Mastodon(Section):
    """The platform `mastodon`; see docs/platform-mastodon.md."""

    url: Annotated[
        Address | None,
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

    @model_validator(mode="after")
    def _token_stays_private(self) -> Self:
        if self.url is not None and not self.url.startswith("https:") and not is_here(self.url):
            raise PydanticCustomError(
                "crossed",
                "would show the bot's token to the network by plain http",
                {"field": "url", "mend": "use https, or a stand-in on 127.0.0.1"},
            )
        return self
