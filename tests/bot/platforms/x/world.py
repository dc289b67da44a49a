"""X as the stand-in plays it, seen from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.assembly import open_credentials, platform_options
from bot.clock import Clock
from bot.config import Settings
from bot.platforms.access import Access
from bot.platforms.gate import Gate
from bot.platforms.registry import create_platform
from bot.platforms.x.platform import XPlatform
from bot.standins.x import XStandIn
from bot.standins.x.state import Tweet
from bot.web.server import WebServer
from tests.bot.platforms.contract import StandingReply

PICTURE = b"\x89PNG not really"


class XWorld:
    """People on a stand-in. ``url`` is where clients go; ``secrets`` is what the bot's account has."""

    def __init__(
        self, folder: Path, url: str, stand_in: XStandIn, secrets: Mapping[str, str] | None = None
    ) -> None:
        self.url = url
        self.stand_in = stand_in
        self.state = stand_in.state
        self.ann = self.state.account("ann")
        self.secrets = dict(stand_in.tokens.oauth1(stand_in.bot) if secrets is None else secrets)
        self._folder = folder

    def connect(self, *, page_size: int = 100, clock: Clock | None = None, **chosen: Any) -> XPlatform:
        access = self.access(clock, **chosen)
        options = platform_options(self.settings(**chosen), "x") | {"page_size": page_size}
        platform = create_platform("x", access, **options)
        assert isinstance(platform, XPlatform)
        return platform

    def settings(self, **chosen: Any) -> Settings:
        quick = {"read_timeout": 20.0, "poll_interval": 0.0, "reply_interval": 0.0}
        return Settings(
            data_dir=self._folder, platforms=["x"], x={"api_url": self.url} | quick | self.secrets | chosen
        )

    def access(self, clock: Clock | None = None, **chosen: Any) -> Access:
        return Access(Gate("x", clock), open_credentials(self.settings(**chosen), "x"))

    def post(self, text: str = "", **fields: Any) -> str:
        return self._post(self.ann.handle, text, **fields).id

    def mention(self, text: str = "", **fields: Any) -> str:
        return self._post("bea", f"@{self.stand_in.bot.handle} {text}".rstrip(), **fields).id

    def delete(self, post_id: str) -> None:
        self.state.delete(post_id)

    def hide(self, post_id: str) -> None:
        self.state.tweets[post_id].author.blocked.add(self.stand_in.bot.id)

    def replies(self) -> list[StandingReply]:
        return [StandingReply(each.parent_id or "", each.written, None) for each in self.stand_in.replies()]

    def _post(
        self,
        handle: str,
        text: str,
        *,
        parent_id: str | None = None,
        quoted_id: str | None = None,
        pictures: int = 0,
        language: str | None = None,
        sensitive: bool = False,
    ) -> Tweet:
        # Everybody posts under a name of their own, so that nobody repeats themselves or blocks twice.
        author = self.state.account(f"{handle}{len(self.state.tweets)}")
        media = [self.state.add_medium(PICTURE, "image/png", "a picture") for _ in range(pictures)]
        return self.state.post(
            author,
            text,
            parent_id=parent_id,
            quoted_id=quoted_id,
            media=media,
            language=language or "und",
            sensitive=sensitive,
        )


@contextmanager
def x_world(folder: Path, clock: Clock | None = None) -> Iterator[XWorld]:
    """A stand-in on loopback, with nobody's posts yet."""
    stand_in = XStandIn(clock)
    with WebServer(stand_in.app, port=0) as server:
        yield XWorld(folder, f"http://127.0.0.1:{server.port}", stand_in)
