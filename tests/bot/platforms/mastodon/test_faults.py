"""Every fault of the shared language at every call: a named error, and never a second reply."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.clock import FakeClock
from bot.credentials import Credentials
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
from bot.platforms.gate import Gate
from bot.platforms.mastodon import MastodonPlatform
from bot.standins.faults import HAS_EFFECT, Fault, FaultKind
from bot.standins.mastodon import budgets
from tests.bot.platforms.contract import draft
from tests.bot.platforms.mastodon.world import MastodonWorld

K = FaultKind
READING: dict[FaultKind, type[PlatformError]] = {
    **dict.fromkeys(FaultKind, PlatformUnavailable),
    K.RATE_LIMITED: RateLimited,
    K.RATE_LIMITED_WITHOUT_RESET: RateLimited,
    K.UNAUTHORIZED: CredentialsRefused,
    K.FORBIDDEN: CredentialsRefused,
}
FETCHING = READING | {K.UNAUTHORIZED: PostHidden, K.FORBIDDEN: PostHidden, K.PARENT_GONE: PostGone}
REPLYING: dict[FaultKind, type[PlatformError]] = {
    **dict.fromkeys(FaultKind, OutcomeUnknown),
    K.RATE_LIMITED: RateLimited,
    K.RATE_LIMITED_WITHOUT_RESET: RateLimited,
    K.UNAUTHORIZED: CredentialsRefused,
    K.FORBIDDEN: CredentialsRefused,
    K.PARENT_GONE: PostGone,
    K.DUPLICATE: ReplyRefused,
}
QUICK = 1.0


@pytest.mark.parametrize("kind", FaultKind)
def test_reading_mentions(world: MastodonWorld, kind: FaultKind) -> None:
    made = world.mention("real?")
    platform = world.connect(timeout=QUICK)
    platform.me()
    world.stand_in.faults.add(Fault(kind, "GET /api/v1/notifications"))
    with pytest.raises(READING[kind]):
        platform.mentions("0")
    assert [post.id for post in world.connect().mentions("0").mentions] == [made]


@pytest.mark.parametrize("kind", FaultKind)
def test_fetching_a_post(world: MastodonWorld, kind: FaultKind) -> None:
    made = world.post("look")
    world.stand_in.faults.add(Fault(kind, "GET /api/v1/statuses/*"))
    with pytest.raises(FETCHING[kind]):
        world.connect(timeout=QUICK).fetch_post(made)


@pytest.mark.parametrize("ignores_keys", [False, True])
@pytest.mark.parametrize("kind", FaultKind)
def test_replying_once_whatever_happens(world: MastodonWorld, kind: FaultKind, ignores_keys: bool) -> None:
    world.network.quirks.ignores_keys = ignores_keys
    made = world.mention("real?")
    platform = world.connect(timeout=QUICK)
    platform.me()
    world.stand_in.faults.add(Fault(kind, "POST /api/v1/statuses"))
    with pytest.raises(REPLYING[kind]):
        platform.reply(draft(made))
    assert len(world.replies()) == (kind in HAS_EFFECT)
    restarted = world.connect()
    standing = restarted.find_reply(draft(made))
    assert (standing is not None) == (kind in HAS_EFFECT)
    sent = restarted.reply(draft(made))
    assert standing in (None, sent)
    assert len(world.replies()) == 1


@pytest.mark.parametrize("kind", FaultKind)
def test_reading_back_never_lets_a_second_reply_out(world: MastodonWorld, kind: FaultKind) -> None:
    made = world.mention("real?")
    world.connect().reply(draft(made))
    world.network.quirks.ignores_keys = True
    world.stand_in.faults.add(Fault(kind, "GET /api/v1/accounts/*/statuses"))
    with pytest.raises(READING[kind]):
        world.connect(timeout=QUICK).reply(draft(made))
    assert len(world.replies()) == 1


@pytest.mark.parametrize("kind", FaultKind)
def test_taking_back(world: MastodonWorld, kind: FaultKind) -> None:
    made = world.mention("real?")
    sent = world.connect().reply(draft(made))
    world.stand_in.faults.add(Fault(kind, "DELETE *"))
    platform = world.connect(timeout=QUICK)
    if kind is FaultKind.PARENT_GONE:
        platform.retract(sent.id)
        return
    with pytest.raises(READING[kind]):
        platform.retract(sent.id)
    world.connect().retract(sent.id)
    assert world.replies() == []


def test_where_nothing_listens_surely_nothing_was_posted() -> None:
    access = Access(Gate("mastodon"), Credentials(Path("nowhere"), {"access_token": "t"}))
    platform = MastodonPlatform(
        "http://127.0.0.1:9", access, page_size=1, visibility="unlisted", request_timeout=1.0
    )
    with pytest.raises(PlatformUnavailable, match=r"no answer to account \(ConnectionError\)"):
        platform.reply(draft("1"))


def test_a_named_reset_is_waited_for_and_an_unnamed_one_is_no_storm(world: MastodonWorld) -> None:
    clock = FakeClock(datetime.now(UTC))
    platform = world.connect(gate=Gate("mastodon", clock))
    platform.me()
    answered = world.stand_in.budgets.spent("all")
    world.stand_in.faults.add(Fault(K.RATE_LIMITED, "GET /api/v1/notifications"))
    with pytest.raises(RateLimited) as caught:
        platform.mentions("0")
    assert caught.value.retry_at is not None
    assert timedelta(seconds=50) < caught.value.retry_at - clock.now() < timedelta(seconds=70)
    world.stand_in.faults.add(Fault(K.RATE_LIMITED_WITHOUT_RESET, "GET /api/v1/notifications", times=None))
    clock.advance(75)
    asked = 0
    for _ in range(600):  # ten minutes, a try each second
        try:
            platform.mentions("0")
        except RateLimited as limited:
            asked += "rests on" not in str(limited)
        clock.advance(1)
    assert 1 <= asked <= 10
    assert world.stand_in.budgets.spent("all") == answered


def test_a_spent_budget_is_kept_to_without_asking(world: MastodonWorld) -> None:
    platform = world.connect()
    platform.me()
    window = world.stand_in.budgets.windows["all"]
    window.limit = world.stand_in.budgets.spent("all") + 2
    platform.mentions("0")
    platform.mentions("0")
    with pytest.raises(RateLimited, match="allows no more of mentions") as caught:
        platform.mentions("0")
    assert caught.value.retry_at is not None
    assert caught.value.retry_at > datetime.now(UTC)
    with pytest.raises(RateLimited, match="HTTP 429"):
        platform.fetch_post(world.post("another endpoint, of which nothing is known"))


def test_a_budget_that_cannot_be_read_harms_nothing(
    world: MastodonWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    nonsense = {"X-RateLimit-Limit": "many", "X-RateLimit-Remaining": "-", "X-RateLimit-Reset": "soon"}
    monkeypatch.setattr(budgets, "headers", lambda *_: nonsense)
    made = world.mention("real?")
    platform = world.connect()
    assert platform.reply(draft(made))
    assert platform.mentions("0").mentions


def test_an_error_names_the_server_s_words_in_one_line(world: MastodonWorld) -> None:
    made = world.post("look")
    platform = world.connect()
    with pytest.raises(PostGone) as caught:
        platform.fetch_post(made + "9")
    assert str(caught.value).endswith("answers posts with HTTP 404: Record not found")
    assert "\n" not in str(caught.value)
