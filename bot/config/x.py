"""Settings of the platform `x`: the account's secrets, prices, and how patient it is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.config.base import Dollars, Seconds, Section, Share, Unit
from bot.config.services import Address, Key

_OAUTH1 = "OAuth 1.0a"
_OAUTH2 = "OAuth 2.0"
_PRICE = "US dollars for"
_ANSWERS = "at the default prices 200 to 250 answers for 5 dollars"
_MOST = 100


class X(Section):
    """The platform `x`; see docs/platform-x.md. The prices are those reported in 2026: check your own."""

    api_url: Annotated[Address, Field(description="Where the API is; another address is for rehearsals.")] = (
        "https://api.x.com"
    )
    api_key: Annotated[Key | None, Field(description=f"{_OAUTH1}: key of the app at X.")] = None
    api_secret: Annotated[Key | None, Field(description=f"{_OAUTH1}: secret of that key.")] = None
    access_token: Annotated[Key | None, Field(description=f"{_OAUTH1}: token of the bot's account.")] = None
    access_token_secret: Annotated[Key | None, Field(description=f"{_OAUTH1}: secret of that token.")] = None
    bearer_token: Annotated[
        Key | None, Field(description="App-only token; with it mentions are read on the app's own budget.")
    ] = None
    client_id: Annotated[Key | None, Field(description=f"{_OAUTH2}: id of the client at X.")] = None
    client_secret: Annotated[
        Key | None, Field(description=f"{_OAUTH2}: secret of a confidential client.")
    ] = None
    refresh_token: Annotated[
        Key | None, Field(description=f"{_OAUTH2}: the first refresh token; its successors are stored.")
    ] = None
    page_size: Annotated[
        int, Unit("mentions"), Field(ge=5, le=_MOST, description="Mentions that are read at once.")
    ] = 25
    poll_interval: Annotated[
        Seconds, Field(ge=0, le=86_400, description="Least time between two looks at the mentions.")
    ] = 15.0
    reply_interval: Annotated[
        Seconds, Field(ge=0, le=86_400, description="Least time between two replies.")
    ] = 2.0
    connect_timeout: Annotated[Seconds, Field(gt=0, le=300, description="Longest wait to connect.")] = 10.0
    read_timeout: Annotated[Seconds, Field(gt=0, le=300, description="Longest silence of an answer.")] = 30.0
    cache_seconds: Annotated[
        Seconds, Field(ge=0, le=86_400, description="How long a post that was read is not paid for again.")
    ] = 300.0
    price_read: Annotated[Dollars, Field(description=f"{_PRICE} each post that is read.")] = 0.005
    price_own_read: Annotated[Dollars, Field(description=f"{_PRICE} each own post that is read.")] = 0.001
    price_post: Annotated[Dollars, Field(description=f"{_PRICE} a post without a link.")] = 0.015
    price_post_with_link: Annotated[Dollars, Field(description=f"{_PRICE} a post with a link.")] = 0.20
    daily_cap: Annotated[
        Dollars | None,
        Field(description=f"Most that a day (UTC) may cost, {_ANSWERS}; then X rests until midnight."),
    ] = 5.0
    warn_at: Annotated[Share, Field(description="Share of daily_cap from which operators are warned.")] = 0.8
