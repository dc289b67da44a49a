"""Settings of whom the bot answers, how often, and when it is quiet."""

from __future__ import annotations

from datetime import time
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from bot.config.base import Handles, Section, Unit


def hours(text: str) -> tuple[time, time]:
    """Beginning and end of "22:00-07:00".

    Raises:
        ValueError: it is no such thing, or both are the same.
    """
    first, dash, last = text.partition("-")
    start, end = time.fromisoformat(first.strip()), time.fromisoformat(last.strip())
    if not dash or start == end or start.tzinfo or end.tzinfo:
        raise ValueError(text)
    return start, end


def _quiet_hours(text: str) -> str:
    try:
        hours(text)
    except ValueError as error:
        raise PydanticCustomError(
            "hours", "names no hours of a day", {"mend": 'write them as "22:00-07:00"'}
        ) from error
    return text


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise PydanticCustomError(
            "time_zone",
            "is no time zone",
            {"mend": 'use "UTC" or a name such as "Europe/Madrid"'},
        ) from error
    return name


class Manners(Section):
    """Whom the bot answers, how often, and when it is quiet."""

    per_asker_per_hour: Annotated[
        int,
        Unit("mentions per hour"),
        Field(ge=1, le=100_000, description="Mentions of one asker that count."),
    ] = 20
    per_thread_per_day: Annotated[
        int,
        Unit("mentions per day"),
        Field(ge=1, le=1_000_000, description="Mentions of one thread that count: so many replies at most."),
    ] = 50
    max_exchanges: Annotated[
        int,
        Unit("replies"),
        Field(
            ge=1,
            le=100,
            description="How often in a row one account is answered, each time below the last reply.",
        ),
    ] = 4
    blocked: Annotated[Handles, Field(description="Handles that are never answered.")] = Field(
        default_factory=list
    )
    allowed: Annotated[Handles, Field(description="Handles that are answered; empty: everybody.")] = Field(
        default_factory=list
    )
    thread_depth: Annotated[
        int, Unit("posts"), Field(ge=0, le=50, description="How far up a thread media are looked for.")
    ] = 4
    quiet_hours: Annotated[
        str | None,
        AfterValidator(lambda text: _quiet_hours(text) if text is not None else None),
        Field(
            examples=["22:00-07:00"],
            description="Hours of the day in which nothing is posted; replies wait in the outbox.",
        ),
    ] = None
    time_zone: Annotated[
        str,
        AfterValidator(_time_zone),
        Field(examples=["Europe/Madrid"], description="Whose clocks the quiet hours go by."),
    ] = "UTC"
    stop_posting: Annotated[
        bool,
        Field(
            description="Begin paused: watch and judge, but post nothing until `veritag resume`.",
        ),
    ] = False
