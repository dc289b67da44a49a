"""The networks that the matrix breaks: the inbox behind a wrapper, and the stand-ins on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any, Protocol, TypeVar

from bot.assembly import platform_options
from bot.clock import FakeClock
from bot.errors import (
    CredentialsRefused,
    OutcomeUnknown,
    PlatformError,
    PlatformUnavailable,
    PostGone,
    PostHidden,
    RateLimited,
    ReplyRefused,
)
from bot.platforms.access import Access
from bot.platforms.base import Account, Draft, Page, Platform, Post, SentReply
from bot.platforms.bluesky import create as create_bluesky
from bot.platforms.gate import Gate
from bot.platforms.inbox import InboxPlatform
from bot.platforms.registry import create_platform
from bot.standins.bluesky import create as bluesky_stand_in
from bot.standins.faults import HAS_EFFECT, FaultKind, Faults
from bot.web.server import WebServer
from tests.bot.platforms.bluesky.world import BlueskyWorld
from tests.bot.platforms.mastodon.world import MastodonWorld
from tests.bot.platforms.x.world import x_world
from tests.bot.world import InboxWorld, png

Result = TypeVar("Result")

CALLS = ("me", "mentions", "fetch_post", "upload", "reply", "find_reply", "retract")
TIMEOUT = 0.8  # seconds; a busy machine must not look like a network that is away
SCOUTING_TRIES = 5


class Network(Protocol):
    """One platform's network. ``endpoints`` says where each call of the protocol goes, as faults name it."""

    name: str
    faults: Faults
    clock: FakeClock
    folder: Path
    endpoints: Mapping[str, str]

    def connect(self) -> Platform:
        """The bot's client, with a gate on the network's clock."""

    def cursor_at_now(self) -> str:
        """A cursor behind every mention that there is."""

    def ask(self) -> str:
        """Somebody posts a picture, somebody else tags the bot on it; the mention's id."""

    def standing(self, mention_id: str) -> int:
        """How many replies of the bot stand under a mention."""


class FaultyInbox(InboxPlatform):
    """The platform `inbox` past a gate, failing as a network fails."""

    def __init__(self, folder: Path, faults: Faults, gate: Gate, clock: FakeClock) -> None:
        super().__init__(folder)
        self._faults, self._gate, self._clock = faults, gate, clock

    def me(self) -> Account:
        return self._through("me", super().me)

    def mentions(self, cursor: str) -> Page:
        return self._through("mentions", lambda: InboxPlatform.mentions(self, cursor))

    def fetch_post(self, post_id: str) -> Post:
        return self._through("fetch_post", lambda: InboxPlatform.fetch_post(self, post_id))

    def reply(self, draft: Draft) -> SentReply:
        return self._through("reply", lambda: self._replies.append(draft))  # keeps no keys, as X

    def find_reply(self, draft: Draft) -> SentReply | None:
        return self._through("find_reply", lambda: InboxPlatform.find_reply(self, draft))

    def retract(self, reply_id: str) -> None:
        self._through("retract", lambda: InboxPlatform.retract(self, reply_id))

    def _through(self, call: str, work: Callable[[], Result]) -> Result:
        with self._gate.call(call):
            kind = self._faults.take(call)
            if kind is None:
                return work()
            if kind in HAS_EFFECT:
                work()
            raise self._problem(kind, effect=call == "reply")

    def _problem(self, kind: FaultKind, *, effect: bool) -> PlatformError:
        match kind:
            case FaultKind.RATE_LIMITED:
                return RateLimited(kind, self._clock.now() + timedelta(minutes=15))
            case FaultKind.RATE_LIMITED_WITHOUT_RESET:
                return RateLimited(kind)
            case FaultKind.UNAUTHORIZED:
                return CredentialsRefused(kind)
            case FaultKind.PARENT_GONE:
                return PostGone(kind)
            case FaultKind.FORBIDDEN:
                return ReplyRefused(kind) if effect else PostHidden(kind)
            case FaultKind.DUPLICATE:
                return ReplyRefused(kind) if effect else PlatformUnavailable(kind)
        return OutcomeUnknown(kind) if effect else PlatformUnavailable(kind)


class Scouted:
    """What all networks share: a client beside the bot's, which knows where its mentions begin."""

    def connect(self) -> Platform:
        raise NotImplementedError

    @cached_property
    def _scout(self) -> Platform:
        return self.connect()

    def cursor_at_now(self) -> str:
        for _ in range(SCOUTING_TRIES):
            with suppress(PlatformError):  # the short time-out of a busy machine
                return self._scout.cursor_at_now()
        raise AssertionError(f"{self.name} cannot be read, though nothing is broken")


class Inbox(Scouted):
    """A folder."""

    name = "inbox"
    endpoints: Mapping[str, str] = {call: call for call in CALLS if call != "upload"}

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock(datetime.now(UTC))
        self.faults = Faults()
        self._world = InboxWorld(folder / "inbox", self.clock.now())
        self._numbers = count()

    def connect(self) -> Platform:
        gate = Gate(self.name, self.clock)
        return FaultyInbox(self._world.folder, self.faults, gate, self.clock)

    def ask(self) -> str:
        number = next(self._numbers)
        self._world.post(f"p{number}", self._world.medium(1))
        return self._world.mention(f"m{number}", parent_id=f"p{number}", author="bea")

    def standing(self, mention_id: str) -> int:
        taken_back = self._world.retractions()
        replies = [each for each in self._world.replies() if each["in_reply_to"] == mention_id]
        return sum(each["id"] not in taken_back for each in replies)


class Served(Scouted):
    """What the three worlds of stand-ins share."""

    name: str
    faults: Faults
    clock: FakeClock
    folder: Path
    world: Any

    def ask(self) -> str:
        parent = self.world.post("look at this", pictures=1)
        return str(self.world.mention("is this real?", parent_id=parent))

    def standing(self, mention_id: str) -> int:
        return sum(reply.in_reply_to == mention_id for reply in self.world.replies())


class X(Served):
    """The stand-in for X; posts that were read are not kept, so that each look at one is a request."""

    name = "x"
    endpoints: Mapping[str, str] = {
        "me": "GET /2/users/me",
        "mentions": "GET /2/users/*/mentions",
        "fetch_post": "GET /2/tweets",
        "upload": "POST /2/media/*",
        "reply": "POST /2/tweets",
        "find_reply": "GET /2/users/*/tweets",
        "retract": "DELETE /2/tweets/*",
    }

    def __init__(self, folder: Path, world: Any, clock: FakeClock) -> None:
        self.folder, self.world, self.clock = folder, world, clock
        self.faults = world.stand_in.faults

    def connect(self) -> Platform:
        settings = self.world.settings(read_timeout=TIMEOUT, cache_seconds=0)
        return create_platform("x", self.world.access(self.clock), **platform_options(settings, "x"))

    def ask(self) -> str:
        state = self.world.state
        picture = state.add_medium(png(1), "image/png", "a picture")
        # Everybody posts under a name of their own: X refuses repetitions.
        parent = state.post(state.account(f"cid{len(state.tweets)}"), "look at this", media=[picture])
        return str(self.world.mention("is this real?", parent_id=parent.id))


class Mastodon(Served):
    """The stand-in for Mastodon."""

    name = "mastodon"
    endpoints: Mapping[str, str] = {
        "me": "GET /api/v1/accounts/verify_credentials",
        "mentions": "GET /api/v1/notifications",
        "fetch_post": "GET /api/v1/statuses/*",
        "upload": "POST /api/v2/media",
        "reply": "POST /api/v1/statuses",
        "find_reply": "GET /api/v1/accounts/*/statuses",
        "retract": "DELETE /api/v1/statuses/*",
    }

    def __init__(self, folder: Path, world: MastodonWorld, clock: FakeClock) -> None:
        self.folder, self.world, self.clock = folder, world, clock
        self.faults = world.stand_in.faults

    def connect(self) -> Platform:
        gate = Gate(self.name, self.clock)
        return self.world.connect(timeout=TIMEOUT, streaming=False, gate=gate)  # type: ignore[no-any-return]

    def ask(self) -> str:
        network, author = self.world.network, self.world.ann
        picture = network.upload(author, png(1)).id
        parent = network.post(author, "look at this", media=(picture,), visibility="public")
        return str(self.world.mention("is this real?", parent_id=parent.id))


class Bluesky(Served):
    """The stand-in for Bluesky."""

    name = "bluesky"
    endpoints: Mapping[str, str] = {
        "me": "* /xrpc/com.atproto.server.createSession",
        "mentions": "GET /xrpc/app.bsky.notification.listNotifications",
        "fetch_post": "GET /xrpc/app.bsky.feed.getPosts",
        "upload": "POST /xrpc/com.atproto.repo.uploadBlob",
        "reply": "POST /xrpc/com.atproto.repo.putRecord",
        "find_reply": "GET /xrpc/com.atproto.repo.getRecord",
        "retract": "POST /xrpc/com.atproto.repo.deleteRecord",
    }

    def __init__(self, folder: Path, world: BlueskyWorld, faults: Faults, clock: FakeClock) -> None:
        self.folder, self.world, self.faults, self.clock = folder, world, faults, clock

    def connect(self) -> Platform:
        self.world.credentials.file.unlink(missing_ok=True)  # each signs in anew
        return create_bluesky(
            Access(Gate(self.name, self.clock), self.world.credentials),
            handle=None,
            service_url=self.world.url,
            plc_url=self.world.plc_url,
            page_size=50,
            poll_interval=0.0,
            reply_interval=0.0,
            connect_timeout=TIMEOUT,
            read_timeout=TIMEOUT,
        )


@contextmanager
def network(name: str, folder: Path) -> Iterator[Network]:
    """A fresh network of that name, with nothing on it."""
    clock = FakeClock(datetime.now(UTC))
    if name == "inbox":
        yield Inbox(folder)
    elif name == "x":
        with x_world(folder, clock) as x:
            yield X(folder, x, clock)
    elif name == "mastodon":
        mastodon = MastodonWorld(folder, clock)
        mastodon.start()
        try:
            yield Mastodon(folder, mastodon, clock)
        finally:
            mastodon.stop()
    else:
        stand_in = bluesky_stand_in()
        stand_in.budget = 1_000_000
        with WebServer(stand_in.app, port=0, connections=None) as server:
            url = f"http://127.0.0.1:{server.port}"
            bluesky = BlueskyWorld(url, url, folder)
            try:
                yield Bluesky(folder, bluesky, stand_in.faults, clock)
            finally:
                bluesky.close()
