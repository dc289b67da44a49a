"""Settings of the web server: health for machines, and the operators' pages."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from bot.config.base import Section, Unit, is_loopback


class Web(Section):
    """Health for machines, and the operators' pages."""

    enabled: Annotated[bool, Field(description="Whether the service listens at all.")] = True
    host: Annotated[
        str,
        Field(min_length=1, max_length=253, description="Address to listen on; off loopback needs a token."),
    ] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")] = 8080
    token: Annotated[
        SecretStr | None,
        Field(min_length=16, description="What callers must present as `Authorization: Bearer TOKEN`."),
    ] = None

    console: Annotated[bool, Field(description="Whether operators' pages are served, under /console.")] = True
    public_url: Annotated[
        str | None,
        Field(
            pattern=r"^https?://[^/?#\s]+(/[^?#\s]*)?$",
            examples=["https://bot.example.org"],
            description="Where people reach this server through a proxy; its host name is answered then.",
        ),
    ] = None
    session_hours: Annotated[
        float,
        Unit("hours"),
        Field(gt=0, le=720, allow_inf_nan=False, description="An operator signs in again after this."),
    ] = 12.0

    requests_per_minute: Annotated[
        int,
        Unit("requests per minute"),
        Field(ge=0, le=1_000_000, description="What a key of /api/v1 may ask; 0: any number."),
    ] = 120

    @model_validator(mode="after")
    def _guarded_off_loopback(self) -> Self:
        if self.enabled and self.token is None and not is_loopback(self.host):
            raise PydanticCustomError(
                "crossed",
                "can be reached from other machines and needs a token",
                {"field": "host", "mend": "set web.token (VERITAG_WEB__TOKEN), or use 127.0.0.1"},
            )
        return self
