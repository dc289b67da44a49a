"""What the platform x makes of requests that fail, at every point."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.clock import FakeClock
from bot.errors import (
    CredentialsRefused,
    OutcomeUnknown,
    PlatformUnavailable,
    PostGone,
    RateLimited,
    ReplyRefused,
)
from bot.platforms.x.platform import XPlatform
from bot.standins.faults import HAS_EFFECT, Fault, FaultKind
from bot.standins.x.limits import Allowance
from tests.bot.platforms.contract import draft
from tests.bot.platforms.x.world import XWorld, x_world

REPLY = "POST /2/tweets"
MENTIONS = "GET /2/users/*/mentions"

BROKEN = [
    FaultKind.TIMEOUT_BEFORE,
    FaultKind.TIMEOUT_AFTER,
    FaultKind.RESET,
    FaultKind.RESET_AFTER,
    FaultKind.SERVER_ERROR,
    FaultKind.SERVER_ERROR_AFTER,
    FaultKind.MALFORMED,
    FaultKind.TRUNCATED,
]
ABOUT_POSTS = [FaultKind.DUPLICATE, FaultKind.PARENT_GONE]
"""What X says of a reply; to any other request it is an answer that should never come."""

Request = Callable[[XPlatform, str], object]
READS: dict[str, Request] = {
    "GET /2/users/me": lambda x, _: x.me(),
    MENTIONS: lambda x, _: x.mentions(x.cursor_at_start()),
    "GET /2/tweets": lambda x, post: x.fetch_post(post),
    "GET /2/users/*/tweets": lambda x, post: x.find_reply(draft(post)),
    "DELETE /2/tweets/*": lambda x, _: x.retract("1"),
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[XWorld]:
    with x_world(tmp_path) as world:
        yield world


@pytest.mark.parametrize("kind", [*BROKEN, *ABOUT_POSTS])
@pytest.mark.parametrize("endpoint", READS)
def test_a_broken_read_is_tried_again_later(world: XWorld, endpoint: str, kind: FaultKind) -> None:
    post = world.mention()
    platform = world.connect(read_timeout=0.8)
    world.stand_in.faults.add(Fault(kind, endpoint))
    with pytest.raises(PlatformUnavailable):
        READS[endpoint](platform, post)
    READS[endpoint](platform, post)


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_reply_leaves_its_outcome_open_and_reading_back_tells_it(
    world: XWorld, kind: FaultKind
) -> None:
    platform = world.connect(read_timeout=0.8)
    wanted = draft(world.mention())
    platform.me()
    world.stand_in.faults.add(Fault(kind, REPLY))
    with pytest.raises(OutcomeUnknown):
        platform.reply(wanted)
    standing = platform.find_reply(wanted)
    found = [standing.id] if standing else []
    assert found == [each.id for each in world.stand_in.replies()]
    assert bool(found) == (kind in HAS_EFFECT)
    platform.reply(wanted)
    assert len(world.replies()) == 1


def test_a_reply_that_surely_never_left_is_no_open_outcome(tmp_path: Path) -> None:
    with x_world(tmp_path) as world:
        platform = world.connect()
        wanted = draft(world.mention())
        platform.me()
    with pytest.raises(PlatformUnavailable):
        platform.reply(wanted)


@pytest.mark.parametrize("endpoint", ["POST /2/media/upload", "POST /2/media/metadata"])
@pytest.mark.parametrize("kind", [FaultKind.TIMEOUT_AFTER, FaultKind.SERVER_ERROR, *ABOUT_POSTS])
def test_an_upload_that_fails_posts_nothing(
    world: XWorld, tmp_path: Path, endpoint: str, kind: FaultKind
) -> None:
    platform = world.connect(read_timeout=0.8)
    card = tmp_path / "card.png"
    card.write_bytes(b"a card")
    wanted = replace(draft(world.mention()), image=card, image_alt_text="Little evidence.")
    world.stand_in.faults.add(Fault(kind, endpoint))
    with pytest.raises(PlatformUnavailable):
        platform.reply(wanted)
    assert world.replies() == []
    platform.reply(wanted)
    (reply,) = world.stand_in.replies()
    assert [(each.content, each.mime, each.alt_text) for each in reply.media] == [
        (b"a card", "image/png", "Little evidence.")
    ]
    assert platform.find_reply(wanted) is not None


def test_a_card_that_has_gone_holds_no_reply_back(world: XWorld, tmp_path: Path) -> None:
    mention = world.mention()
    platform = world.connect()
    platform.reply(replace(draft(mention), image=tmp_path / "gone.png", image_alt_text="alt"))
    assert len(world.replies()) == 1


@pytest.mark.parametrize("kind", [FaultKind.UNAUTHORIZED, FaultKind.FORBIDDEN])
@pytest.mark.parametrize("endpoint", [*READS, REPLY])
def test_refused_credentials_are_named(world: XWorld, endpoint: str, kind: FaultKind) -> None:
    post = world.mention()
    platform = world.connect()
    world.stand_in.faults.add(Fault(kind, endpoint))
    ask = READS.get(endpoint, lambda x, post: x.reply(draft(post)))
    with pytest.raises(CredentialsRefused, match=r"authorize|account"):
        ask(platform, post)


def test_a_revoked_token_is_refused_and_a_new_one_taken_without_a_restart(world: XWorld) -> None:
    access = world.access()
    world.stand_in.tokens.revoke()
    platform = world.connect()
    with pytest.raises(CredentialsRefused):
        platform.me()
    world.secrets = {}
    rotating = world.connect()
    with pytest.raises(CredentialsRefused, match="veritag authorize x"):
        rotating.me()
    access.credentials.store(**world.stand_in.tokens.oauth1(world.stand_in.bot))
    assert rotating.me().handle == "veritag"


def test_an_app_that_may_only_read_is_told_so(world: XWorld) -> None:
    world.stand_in.tokens.permission = "read"
    platform = world.connect()
    with pytest.raises(CredentialsRefused, match="read and write"):
        platform.reply(draft(world.mention()))


def test_a_repetition_is_read_back_or_refused(world: XWorld) -> None:
    mention = world.mention()
    platform = world.connect()
    world.stand_in.faults.add(Fault(FaultKind.DUPLICATE, REPLY))
    with pytest.raises(ReplyRefused, match="vary"):
        platform.reply(draft(mention))
    sent = world.connect().reply(draft(mention))
    assert world.connect().reply(draft(mention)) == sent


def test_a_parent_that_vanishes_under_the_reply_is_looked_up(world: XWorld) -> None:
    mention = world.mention()
    platform = world.connect()
    assert platform.fetch_post(mention).id == mention
    world.delete(mention)
    with pytest.raises(PostGone):
        platform.reply(draft(mention))
    standing = world.mention()
    world.stand_in.faults.add(Fault(FaultKind.PARENT_GONE, REPLY))
    with pytest.raises(ReplyRefused, match="does not let"):
        platform.reply(draft(standing))


def test_a_refusal_with_a_reset_closes_the_endpoint_until_then(world: XWorld) -> None:
    world.stand_in.limits.allowances["GET /2/users/{id}/mentions"] = Allowance(2, 900)
    platform = world.connect()
    for _ in range(2):
        platform.mentions(platform.cursor_at_start())
    with pytest.raises(RateLimited) as held:
        platform.mentions(platform.cursor_at_start())
    assert held.value.retry_at is not None
    assert timedelta(minutes=14) < held.value.retry_at - datetime.now(UTC) < timedelta(minutes=16)
    platform.reply(draft(world.mention()))


def test_without_a_reset_there_is_at_most_one_request_a_minute(tmp_path: Path) -> None:
    with x_world(tmp_path) as world:
        clock = FakeClock(datetime.now(UTC))
        platform = world.connect(clock=clock)
        cursor = platform.cursor_at_start()
        platform.mentions(cursor)
        faults = world.stand_in.faults
        faults.add(Fault(FaultKind.RATE_LIMITED_WITHOUT_RESET, MENTIONS, times=1000))
        for _ in range(30 * 60):
            with pytest.raises(RateLimited):
                platform.mentions(cursor)
            clock.advance(1)
        (left,) = faults.waiting()
        assert left.times is not None
        assert 2 <= 1000 - left.times <= 30
        faults.clear()
        clock.advance(2000)
        assert platform.mentions(cursor).mentions == ()
