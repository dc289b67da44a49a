"""Settings of the media that are kept on this machine."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.config.base import Bytes, Seconds, Section, Unit


class Media(Section):
    """The media that are kept: files go by age and by quota, what was found out about them stays."""

    quota: Annotated[
        Bytes, Field(ge=1_000_000, le=10**15, description="Most that all media may take; the oldest go.")
    ] = 20_000_000_000
    retention_days: Annotated[
        float,
        Unit("days"),
        Field(gt=0, le=36_500, allow_inf_nan=False, description="A medium nobody posts again goes then."),
    ] = 90.0
    keep_reviewed: Annotated[
        bool, Field(description="Keep what a person has reviewed, whatever its age, also over the quota.")
    ] = True
    sweep_interval: Annotated[
        Seconds, Field(ge=1, le=86_400, description="Time between two looks at what may go.")
    ] = 300.0
