"""The platform `x` (X, formerly Twitter): API v2 through tweepy. docs/platform-x.md is for operators."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from bot.clock import SystemClock
from bot.platforms.access import Access
from bot.platforms.base import Limits
from bot.platforms.x.client import Client, Patience
from bot.platforms.x.platform import XPlatform
from bot.platforms.x.posting import Prices


def create(
    access: Access,
    *,
    api_url: str,
    page_size: int,
    poll_interval: float,
    reply_interval: float,
    connect_timeout: float,
    read_timeout: float,
    cache_seconds: float,
    price_read: float,
    price_own_read: float,
    price_post: float,
    price_post_with_link: float,
) -> XPlatform:
    """The platform from its settings (`bot.config.x.X`)."""
    clock = SystemClock()
    prices = Prices(*map(_exactly, (price_read, price_own_read, price_post, price_post_with_link)))
    return XPlatform(
        Client(access, api_url, Patience(connect_timeout, read_timeout), clock=clock),
        prices,
        Limits(poll_interval, reply_interval, page_size),
        clock,
        keep_posts=timedelta(seconds=cache_seconds),
    )


def _exactly(dollars: float) -> Decimal:
    return Decimal(str(dollars))
