"""A Mastodon stand-in on loopback, as a `World` for the contract and for Mastodon's own tests."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from bot.clock import Clock
from bot.credentials import Credentials
from bot.platforms.access import Access
from bot.platforms.gate import Gate
from bot.platforms.mastodon import MastodonPlatform
from bot.standins.mastodon import MastodonStandIn
from bot.standins.mastodon.network import Member
from bot.web.server import WebServer
from tests.bot.platforms.contract import StandingReply


class Doorway:
    """A server of which the application changes: to start and stop one for each test takes longer."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None
        self.server = WebServer(self, port=0, connections=None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


class MastodonWorld:
    """The instance, the bot's credentials in a file, and somebody who posts.

    With a doorway it is served there; else by a server of its own, from `start` to `stop`.
    """

    def __init__(self, folder: Path, clock: Clock | None = None, doorway: Doorway | None = None) -> None:
        self.folder = folder
        self.clock = clock
        self.stand_in = MastodonStandIn(clock)
        self.network = self.stand_in.network
        self.stand_in.budgets.windows["all"].limit = 10_000
        self.ann = self.stand_in.asker
        self.bot = self.stand_in.bot
        self._own_server = None if doorway else WebServer(self.stand_in.app, port=0, connections=None)
        self._server = doorway.server if doorway else self._own_server
        if doorway:
            doorway.app = self.stand_in.app
        self.credentials = Credentials(folder / "credentials" / "mastodon.json")
        self.credentials.store(access_token=self.stand_in.token)

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.port}"

    def start(self) -> None:
        if self._own_server is not None:
            self._own_server.start()

    def stop(self) -> None:
        if self._own_server is not None:
            self._own_server.stop()

    def connect(
        self,
        *,
        page_size: int = 40,
        visibility: str = "unlisted",
        streaming: bool = True,
        timeout: float = 5.0,
        gate: Gate | None = None,
    ) -> MastodonPlatform:
        return MastodonPlatform(
            self.url,
            Access(gate or Gate("mastodon", self.clock), self.credentials),
            page_size=page_size,
            visibility=visibility,
            request_timeout=timeout,
            streaming=streaming,
            clock=self.clock,
        )

    def post(
        self,
        text: str = "",
        *,
        parent_id: str | None = None,
        quoted_id: str | None = None,
        pictures: int = 0,
        language: str | None = None,
        visibility: str = "public",
        sensitive: bool = False,
        author: Member | None = None,
    ) -> str:
        author = author or self.ann
        media = tuple(self.network.upload(author, b"\x89PNG").id for _ in range(pictures))
        made = self.network.post(
            author,
            text or "look at this",
            parent_id=parent_id,
            quoted_id=quoted_id,
            media=media,
            language=language,
            visibility=visibility,
            sensitive=sensitive,
        )
        return made.id

    def mention(
        self,
        text: str = "",
        *,
        parent_id: str | None = None,
        quoted_id: str | None = None,
        pictures: int = 0,
        language: str | None = None,
        visibility: str = "public",
        author: Member | None = None,
    ) -> str:
        return self.post(
            f"@{self.bot.handle} {text}",
            parent_id=parent_id,
            quoted_id=quoted_id,
            pictures=pictures,
            language=language,
            visibility=visibility,
            author=author,
        )

    def delete(self, post_id: str) -> None:
        self.network.delete(post_id)

    def hide(self, post_id: str) -> None:
        self.network.hide(post_id, 403)

    def replies(self) -> list[StandingReply]:
        """Without the asker's handle, which the platform puts in front."""
        return [
            StandingReply(each.parent_id, re.sub(r"^@\S+ ", "", each.text), each.language or "")
            for each in list(self.network.statuses.values())
            if each.author_id == self.bot.id and each.parent_id is not None
        ]
