"""Every fault of the stand-in at every request: a named error, and in the end one reply."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from bot.clock import FakeClock
from bot.credentials import Credentials
from bot.errors import (
    CredentialsRefused,
    OutcomeUnknown,
    PlatformError,
    PlatformUnavailable,
    PostGone,
    RateLimited,
    ReplyRefused,
)
from bot.platforms.access import Access
from bot.platforms.base import Draft, SentReply
from bot.platforms.bluesky import create
from bot.platforms.bluesky.platform import BlueskyPlatform
from bot.platforms.gate import Gate
from bot.standins.faults import Fault, FaultKind
from tests.bot.platforms.bluesky.conftest import Served
from tests.bot.platforms.bluesky.world import BlueskyWorld
from tests.state.conftest import START

PASSING = (RateLimited, PlatformUnavailable, OutcomeUnknown, CredentialsRefused)
FINAL = (PostGone, ReplyRefused)
WRITES = "POST /xrpc/com.atproto.repo.putRecord"
READS = [
    "GET /xrpc/app.bsky.notification.listNotifications",
    "GET /xrpc/app.bsky.feed.getPosts",
    "GET /xrpc/com.atproto.repo.getRecord",
]
ORDERS = [
    "POST /xrpc/com.atproto.server.createSession",
    "POST /xrpc/com.atproto.server.refreshSession",
    "POST /xrpc/com.atproto.repo.uploadBlob",
]


class Bot:
    """A platform on a clock that a test moves, and the way in which the flow sends."""

    def __init__(self, world: BlueskyWorld) -> None:
        self.clock = FakeClock(START)
        self.errors: list[PlatformError] = []
        given = {"handle": world.bot.handle, "app_password": world.bot.app_password}
        access = Access(Gate("bluesky", self.clock), Credentials(world.folder / "bluesky.json", given))
        self.platform: BlueskyPlatform = create(
            access,
            handle=None,
            service_url=world.url,
            plc_url=world.url,
            page_size=10,
            poll_interval=0.0,
            reply_interval=0.0,
            connect_timeout=1.0,
            read_timeout=0.8,
        )

    def send(self, draft: Draft) -> SentReply | None:
        """Post it, reading back after every failure; None where the platform says that it never will be."""
        for turn in range(8):
            try:
                return (self.platform.find_reply(draft) if turn else None) or self.platform.reply(draft)
            except PASSING as error:
                self.errors.append(error)
            except FINAL as error:
                self.errors.append(error)
                return None
            self.clock.advance(3600 * 24 * 300)  # whatever time the real servers' headers name
        raise AssertionError(f"eight tries: {self.errors}")


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "card.png"
    Image.new("RGB", (6, 3)).save(path)
    return path


@pytest.mark.parametrize("kind", list(FaultKind))
@pytest.mark.parametrize("endpoint", [WRITES, *READS[1:], *ORDERS])
def test_a_reply_meets_a_fault(
    world: BlueskyWorld, served: Served, card: Path, kind: FaultKind, endpoint: str
) -> None:
    made = world.mention("real?")
    bot = Bot(world)
    if endpoint not in ORDERS[:1]:
        bot.platform.me()
    if endpoint == ORDERS[1]:
        served.standin.network.expire_tokens()
        world.bot.token = world.bot.tell(
            "com.atproto.server.createSession", identifier=world.bot.handle, password=world.bot.password
        )["accessJwt"]
    served.standin.faults.add(Fault(kind, endpoint))
    sent = bot.send(Draft(made, "Little evidence.", "en", "key", card, "A card"))
    told = [type(error) for error in bot.errors]
    served.standin.faults.clear()
    replies = world.replies()
    if sent is None:
        assert set(told[-1:]) <= set(FINAL)
        assert replies == []
    else:
        assert len(replies) == 1
        assert set(told) <= set(PASSING)
    bot.platform.close()


@pytest.mark.parametrize("kind", list(FaultKind))
def test_what_becomes_of_a_write_is_told_apart(world: BlueskyWorld, served: Served, kind: FaultKind) -> None:
    made = world.mention("real?")
    bot = Bot(world)
    bot.platform.me()
    # Twice, because a refused token is renewed and the request made once more.
    served.standin.faults.add(Fault(kind, WRITES, times=2 if kind is FaultKind.UNAUTHORIZED else 1))
    expected = {
        FaultKind.RATE_LIMITED: RateLimited,
        FaultKind.RATE_LIMITED_WITHOUT_RESET: RateLimited,
        FaultKind.UNAUTHORIZED: CredentialsRefused,
        FaultKind.FORBIDDEN: CredentialsRefused,
        FaultKind.DUPLICATE: ReplyRefused,
        FaultKind.PARENT_GONE: PostGone,
    }.get(kind, OutcomeUnknown)
    with pytest.raises(expected):
        bot.platform.reply(Draft(made, "Little evidence.", "en", "key"))
    bot.platform.close()


@pytest.mark.parametrize("kind", list(FaultKind))
def test_reading_meets_a_fault_and_loses_nothing(
    world: BlueskyWorld, served: Served, kind: FaultKind
) -> None:
    made = [world.mention(str(n)) for n in range(3)]
    bot = Bot(world)
    cursor = bot.platform.cursor_at_start()
    served.standin.faults.add(Fault(kind, READS[0]))
    found: list[str] = []
    for _ in range(4):
        try:
            found += [post.id for post in bot.platform.mentions(cursor).mentions]
            break
        except (*PASSING, PostGone):
            bot.clock.advance(3600 * 24 * 300)
    assert found == made
    bot.platform.close()


def test_a_server_that_asks_to_wait_is_left_alone(world: BlueskyWorld, served: Served) -> None:
    bot = Bot(world)
    cursor = bot.platform.cursor_at_start()
    served.standin.faults.add(Fault(FaultKind.RATE_LIMITED_WITHOUT_RESET, READS[0], times=100))
    for _ in range(100):
        with pytest.raises(RateLimited):
            bot.platform.mentions(cursor)
        bot.clock.advance(6)
    (left,) = served.standin.faults.waiting()
    assert left.times is not None
    assert 90 <= left.times < 100, "ten minutes: at most one request a minute"
    bot.platform.close()
