"""Paging, money, renewed tokens: what the platform x does beyond the contract."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import requests

from bot.clock import FakeClock
from bot.credentials import Credentials
from bot.errors import CredentialsRefused, PlatformUnavailable, RateLimited
from bot.platforms.access import Access
from bot.platforms.base import Limits
from bot.platforms.gate import Gate
from bot.platforms.x.client import Client, Patience, window
from bot.platforms.x.cursor import Cursor
from bot.platforms.x.platform import XPlatform
from bot.platforms.x.posting import Prices
from bot.standins.faults import Fault, FaultKind
from tests.bot.platforms.contract import draft, ids, pages
from tests.bot.platforms.x.world import XWorld, x_world

PRICES = Prices(Decimal("0.005"), Decimal("0.001"), Decimal("0.015"), Decimal("0.20"))
LATER = timedelta(seconds=301)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 3, 2, 10, tzinfo=UTC))


@pytest.fixture
def world(tmp_path: Path, clock: FakeClock) -> Iterator[XWorld]:
    with x_world(tmp_path, clock) as world:
        yield world


class Paying:
    """A platform whose spending can be looked at."""

    def __init__(self, world: XWorld, clock: FakeClock, folder: Path, cap: str | None = None) -> None:
        self.gate = Gate("x", clock, daily_cap=Decimal(cap) if cap else None)
        self.credentials = Credentials(folder / "x.json", world.secrets)
        client = Client(Access(self.gate, self.credentials), world.url, Patience(1.0, 1.0), clock=clock)
        self.platform = XPlatform(client, PRICES, Limits(0, 0, 25), clock, keep_posts=LATER)
        self.platform.me()
        self._before = self.spent_in_all()

    def spent_in_all(self) -> Decimal:
        return self.gate.budgets().spent_today

    @property
    def spent(self) -> Decimal:
        return self.spent_in_all() - self._before


@pytest.fixture
def paying(world: XWorld, clock: FakeClock, tmp_path: Path) -> Paying:
    return Paying(world, clock, tmp_path)


def test_deleting_the_newest_mention_never_moves_the_floor_back(world: XWorld) -> None:
    made = [world.mention(str(number)) for number in range(3)]
    platform = world.connect()
    *_, last = pages(platform, platform.cursor_at_start())
    for post in reversed(made):
        world.delete(post)
        page = platform.mentions(last.cursor)
        assert (page.mentions, page.more, page.cursor) == ((), False, last.cursor)
    new = world.mention()
    assert ids(platform.mentions(last.cursor).mentions) == [new]


def test_now_is_behind_deleted_mentions_too(world: XWorld) -> None:
    old = world.mention("old")
    for post in [world.mention(str(number)) for number in range(7)]:
        world.delete(post)
    platform = world.connect()
    cursor = platform.cursor_at_now()
    assert Cursor.parse(cursor) == Cursor(floor=int(old))
    assert platform.mentions(cursor).mentions == ()


def test_mentions_that_come_while_pages_are_read_are_not_lost(world: XWorld) -> None:
    made = [world.mention(str(number)) for number in range(12)]
    platform = world.connect(page_size=5)
    seen: list[str] = []
    cursor, more = platform.cursor_at_start(), True
    while more or len(made) < 16:
        page = platform.mentions(cursor)
        seen += ids(page.mentions)
        cursor, more = page.cursor, page.more
        made.append(world.mention(f"late {len(made)}"))
    while (page := platform.mentions(cursor)).mentions or page.more:
        seen += ids(page.mentions)
        cursor = page.cursor
    assert sorted(seen) == sorted(made)


@pytest.mark.parametrize("cursor", ["", "rubbish", "{}", '{"floor": "x"}', "[1]"])
def test_a_cursor_that_is_none_begins_at_the_start(world: XWorld, cursor: str) -> None:
    mention = world.mention()
    assert ids(world.connect().mentions(cursor).mentions) == [mention]


def test_a_page_that_x_has_forgotten_is_begun_again(world: XWorld) -> None:
    made = [world.mention(str(number)) for number in range(3)]
    stale = str(Cursor(floor=int(made[0]), top=int(made[2]), token="forgotten"))
    assert ids(world.connect().mentions(stale).mentions) == made[1:]


def test_every_post_that_is_read_is_paid_for_once(world: XWorld, clock: FakeClock, paying: Paying) -> None:
    parent = world.post("look", pictures=1)
    mention = world.mention(parent_id=parent)
    platform = paying.platform
    platform.mentions(platform.cursor_at_start())
    assert paying.spent == PRICES.read * 2
    platform.fetch_post(mention)
    assert len(platform.fetch_post(parent).attachments) == 1
    assert paying.spent == PRICES.read * 2
    clock.advance(LATER.total_seconds())
    platform.fetch_post(parent)
    assert paying.spent == PRICES.read * 3
    *_, last = pages(platform, platform.cursor_at_start())
    before = paying.spent
    platform.mentions(last.cursor)
    assert paying.spent == before


def test_a_link_in_a_reply_costs_its_price(world: XWorld, paying: Paying) -> None:
    platform = paying.platform
    platform.reply(draft(world.mention(), text="no link", key="a"))
    assert paying.spent == PRICES.post
    platform.reply(draft(world.mention(), text="see https://example.org", key="b"))
    assert paying.spent == PRICES.post + PRICES.post_with_link


def test_what_fails_is_free_but_what_may_have_been_posted_is_not(world: XWorld, paying: Paying) -> None:
    mention = world.mention()
    faults = world.stand_in.faults
    faults.add(Fault(FaultKind.UNAUTHORIZED, "POST /2/tweets"))
    with pytest.raises(CredentialsRefused):
        paying.platform.reply(draft(mention))
    faults.add(Fault(FaultKind.SERVER_ERROR, "GET /2/tweets"))
    with pytest.raises(PlatformUnavailable):
        paying.platform.fetch_post(mention)
    assert paying.spent == 0
    paying.platform.reply(draft(mention))
    paying.platform.find_reply(draft(mention))
    assert paying.spent == PRICES.post + PRICES.own_read


def test_at_the_cap_nothing_is_asked_until_midnight(world: XWorld, clock: FakeClock, tmp_path: Path) -> None:
    paying = Paying(world, clock, tmp_path, cap="0.02")
    platform = paying.platform
    mentions = [world.mention(str(number)) for number in range(2)]
    platform.reply(draft(mentions[0], key="a"))
    with pytest.raises(RateLimited) as held:
        platform.reply(draft(mentions[1], key="b"))
    assert held.value.retry_at == datetime(2026, 3, 3, tzinfo=UTC)
    assert len(world.replies()) == 1
    clock.advance(14 * 3600 + 1)
    platform.reply(draft(mentions[1], key="b"))
    assert len(world.replies()) == 2


def test_mentions_can_be_read_on_the_apps_own_budget(world: XWorld) -> None:
    world.secrets["bearer_token"] = "standin-app-token"
    world.mention()
    platform = world.connect()
    assert len(platform.mentions(platform.cursor_at_start()).mentions) == 1
    platform.reply(draft(world.mention()))


def test_tokens_are_renewed_when_they_run_out(world: XWorld, clock: FakeClock, tmp_path: Path) -> None:
    first = world.stand_in.tokens.oauth2(world.stand_in.bot)
    world.secrets = first
    paying = Paying(world, clock, tmp_path)
    before = paying.credentials.all()["refresh_token"]
    clock.advance(7200)
    paying.platform.reply(draft(world.mention()))
    after = paying.credentials.all()["refresh_token"]
    assert len({first["refresh_token"], before, after}) == 3
    restarted = Paying(world, clock, tmp_path)
    assert restarted.platform.me().handle == "veritag"
    assert restarted.credentials.all()["refresh_token"] == after


def test_a_token_that_ends_early_is_renewed_once_by_many_threads(
    world: XWorld, clock: FakeClock, tmp_path: Path
) -> None:
    world.secrets = world.stand_in.tokens.oauth2(world.stand_in.bot)
    paying = Paying(world, clock, tmp_path)
    posts = [world.post(str(number)) for number in range(8)]
    used: list[str] = []
    exchanged = world.stand_in.tokens.refresh
    world.stand_in.tokens.refresh = lambda token: (used.append(token), exchanged(token))[1]  # type: ignore[method-assign]
    world.stand_in.tokens.expire()
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda each=each: found.append(paying.platform.fetch_post(each).id))
        for each in posts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(posts)
    assert len(used) == 1


def test_an_account_that_may_not_post_spends_no_tokens(
    world: XWorld, clock: FakeClock, tmp_path: Path
) -> None:
    world.secrets = world.stand_in.tokens.oauth2(world.stand_in.bot)
    paying = Paying(world, clock, tmp_path)
    before = paying.credentials.all()
    world.stand_in.faults.add(Fault(FaultKind.FORBIDDEN, "POST /2/tweets"))
    with pytest.raises(CredentialsRefused, match="may not do this"):
        paying.platform.reply(draft(world.mention()))
    assert paying.credentials.all() == before


def test_a_new_first_token_takes_the_place_of_a_spent_line(
    world: XWorld, clock: FakeClock, tmp_path: Path
) -> None:
    world.secrets = world.stand_in.tokens.oauth2(world.stand_in.bot)
    Paying(world, clock, tmp_path)
    world.stand_in.tokens.revoke()
    with pytest.raises(CredentialsRefused, match="authorize x"):
        Paying(world, clock, tmp_path)
    world.secrets = world.stand_in.tokens.oauth2(world.stand_in.bot)
    assert Paying(world, clock, tmp_path).platform.me().handle == "veritag"


def test_reading_back_ends_at_what_is_too_old_to_be_the_reply(
    world: XWorld, clock: FakeClock, paying: Paying
) -> None:
    old = world.post("years ago")
    platform = paying.platform
    sent = platform.reply(draft(old, text="first"))
    clock.advance(3 * 86_400)
    assert platform.find_reply(draft(old, text="first")) == sent
    clock.advance(5 * 86_400)
    for number in range(30):
        platform.reply(draft(world.mention(), text=str(number), key=str(number)))
    before = paying.spent
    assert platform.find_reply(draft(old, text="second")) is None
    assert paying.spent - before <= PRICES.own_read * 40


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (None, None, None)),
        ({"x-rate-limit-limit": "9", "x-rate-limit-remaining": "3", "x-rate-limit-reset": "60"}, (9, 3, 60)),
        (
            {
                "x-rate-limit-limit": "9", "x-rate-limit-remaining": "3", "x-rate-limit-reset": "60",
                "x-user-limit-24hour-limit": "50", "x-user-limit-24hour-remaining": "0",
                "x-user-limit-24hour-reset": "86400",
            },
            (50, 0, 86400),
        ),
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": "soon"}, (None, None, None)),
        ({"x-rate-limit-remaining": "-1", "x-rate-limit-reset": "60"}, (None, None, 60)),
        ({"x-rate-limit-reset": "9" * 30}, (None, None, None)),
    ],
)  # fmt: skip
def test_the_tightest_window_counts(headers: dict[str, str], expected: tuple[int | None, ...]) -> None:
    response = requests.Response()
    response.headers.update(headers)
    limit, remaining, reset_at = window(response)
    assert (limit, remaining, int(reset_at.timestamp()) if reset_at else None) == expected


def test_posts_of_one_conversation_name_its_first_as_their_thread(world: XWorld) -> None:
    first = world.post("look", pictures=1)
    between = world.post("hm", parent_id=first)
    world.mention("real?", parent_id=between)
    platform = world.connect()
    (mention,) = platform.mentions(platform.cursor_at_start()).mentions
    assert mention.thread_id == first
    assert platform.fetch_post(between).thread_id == first
