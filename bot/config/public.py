"""Settings of the public pages of verdicts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bot.config.base import LowerCase, Section, Unit


class Public(Section):
    """A page for everyone about each verdict, under an address that nobody can guess."""

    enabled: Annotated[bool, Field(description="Whether there are such pages, under /v.")] = False
    contact: Annotated[
        str | None,
        Field(
            pattern=r"^(https?://[^\s]+|[^@\s:/]+@[^@\s:/]+\.[^@\s:/]+)$",
            max_length=500,
            examples=["verdicts@example.org"],
            description="Where people can object to a page: an e-mail address, or that of a web page.",
        ),
    ] = None
    medium: Annotated[
        Literal["blurred", "clear", "none"],
        LowerCase,
        Field(description="How what was checked is seen on page and card; sensitive media are never clear."),
    ] = "blurred"
    evidence: Annotated[
        bool,
        Field(description="Show evidence that an operator has had drawn; it shows the medium itself."),
    ] = False
    requests_per_minute: Annotated[
        int,
        Unit("requests"),
        Field(
            ge=10, le=100_000, description="Most requests of one address a minute; of all, ten times that."
        ),
    ] = 120
