"""Settings of `veritag serve`, the analysis engine alone over HTTP."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from bot.config.base import Bytes, Seconds, Section, Unit, is_loopback

Key = Annotated[SecretStr, Field(min_length=16)]


class Serve(Section):
    """The engine over HTTP (`veritag serve`)."""

    host: Annotated[
        str,
        Field(min_length=1, max_length=253, description="Address to listen on; off loopback needs keys."),
    ] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")] = 8000
    keys: Annotated[
        list[Key],
        Field(
            description="Callers must present one of these, as `Authorization: Bearer KEY` or `X-API-Key`."
        ),
    ] = Field(default_factory=list)
    workers: Annotated[
        int,
        Unit("requests"),
        Field(ge=1, le=256, description="Requests that are worked on at the same time."),
    ] = 4
    queue: Annotated[
        int,
        Unit("requests"),
        Field(ge=0, le=100_000, description="Requests that may wait beside them; further ones get HTTP 503."),
    ] = 32
    requests_per_minute: Annotated[
        int,
        Unit("requests"),
        Field(ge=0, le=1_000_000, description="Analyses that one caller may ask for; 0: any number."),
    ] = 0
    max_upload: Annotated[Bytes, Field(ge=1024, le=10_000_000_000, description="Largest request body.")] = (
        200_000_000
    )
    timeout: Annotated[
        Seconds, Field(gt=0, le=3600, description="Longest wait for an answer; then HTTP 504.")
    ] = 180.0
    keep_jobs: Annotated[
        Seconds, Field(ge=1, le=86_400, description="How long the result of a finished job can be asked for.")
    ] = 3600.0

    @model_validator(mode="after")
    def _guarded_off_loopback(self) -> Self:
        if not self.keys and not is_loopback(self.host):
            raise PydanticCustomError(
                "crossed",
                "can be reached from other machines and needs keys",
                {"field": "host", "mend": "set serve.keys (VERITAG_SERVE__KEYS), or use 127.0.0.1"},
            )
        return self
