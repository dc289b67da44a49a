"""Mentions behind a cursor: nothing missed, nothing read for ever, whatever the server ignores."""

from __future__ import annotations

import pytest

from bot.errors import PlatformUnavailable
from bot.platforms.base import Page
from bot.platforms.mastodon import MastodonPlatform
from bot.standins.faults import Fault, FaultKind
from tests.bot.platforms.contract import ids, pages
from tests.bot.platforms.mastodon.world import MastodonWorld


def read(platform: MastodonPlatform, cursor: str) -> list[Page]:
    return list(pages(platform, cursor))


def test_mastodon_delivers_oldest_first_over_all_pages(world: MastodonWorld) -> None:
    made = [world.mention(str(number)) for number in range(11)]
    found = read(world.connect(page_size=3), "0")
    assert [post.id for page in found for post in page.mentions] == made


@pytest.mark.parametrize("page_size", [1, 2, 5])
def test_a_server_that_ignores_min_id_is_read_down_to_the_floor(world: MastodonWorld, page_size: int) -> None:
    world.network.quirks.ignores_min_id = True
    world.mention("old")
    platform = world.connect(page_size=page_size)
    floor = platform.cursor_at_now()
    made = [world.mention(str(number)) for number in range(7)]
    found = read(platform, floor)
    assert sorted(post.id for page in found for post in page.mentions) == sorted(made)
    assert platform.mentions(found[-1].cursor).mentions == ()


def test_what_comes_while_a_gap_is_read_comes_afterwards(world: MastodonWorld) -> None:
    world.network.quirks.ignores_min_id = True
    platform = world.connect(page_size=2)
    made = [world.mention(str(number)) for number in range(5)]
    first = platform.mentions("0")
    late = world.mention("late")
    rest = read(platform, first.cursor)
    rest += read(platform, rest[-1].cursor)
    seen = [*ids(first.mentions), *(post.id for page in rest for post in page.mentions)]
    assert sorted(seen) == sorted([*made, late])


@pytest.mark.parametrize("ignores", [False, True])
def test_the_floor_stays_when_the_newest_mention_is_deleted(world: MastodonWorld, ignores: bool) -> None:
    world.network.quirks.ignores_min_id = ignores
    world.mention("one")
    newest = world.mention("two")
    platform = world.connect()
    cursor = platform.cursor_at_now()
    world.delete(newest)
    assert platform.mentions(cursor).mentions == ()
    made = world.mention("three")
    assert ids(platform.mentions(cursor).mentions) == [made]


def test_quiet_times_cost_one_request_a_look(world: MastodonWorld) -> None:
    world.mention()
    platform = world.connect()
    cursor = platform.cursor_at_now()
    platform.mentions(cursor)
    before = world.stand_in.budgets.spent("all")
    for _ in range(5):
        platform.mentions(cursor)
    assert world.stand_in.budgets.spent("all") - before == 5


def test_a_cursor_that_is_none_begins_at_the_beginning(world: MastodonWorld) -> None:
    made = world.mention()
    for cursor in ("", "a b", "1,2", "'; drop", "x" * 3 + "\n"):
        assert ids(world.connect().mentions(cursor).mentions) == [made]


def test_the_same_status_told_twice_is_one_mention(world: MastodonWorld) -> None:
    made = world.mention()
    told = world.network.notifications[0]
    again = type(told)("99999", told.owner_id, told.status_id, told.created_at)
    world.network.notifications.append(again)
    assert ids(world.connect().mentions("0").mentions) == [made]


def test_a_mention_that_cannot_be_read_spoils_no_page(world: MastodonWorld) -> None:
    world.mention("broken")
    world.network.statuses[world.network.notifications[0].status_id].media = ()
    made = world.mention("whole")
    broken = world.network.notifications[0]
    world.network.statuses[broken.status_id].visibility = None  # type: ignore[assignment]
    assert ids(world.connect().mentions("0").mentions) == [made]


def test_who_only_chats_in_the_thread_is_not_asking(world: MastodonWorld) -> None:
    bob = world.network.join("bob@far.example")
    picture = world.post("look", pictures=1)
    asked = world.mention("real?", parent_id=picture, author=bob)
    world.post("@bob@far.example @veritag me too", parent_id=asked)
    mention, chat = world.connect().mentions("0").mentions
    assert (mention.addressed, chat.addressed) == (True, False)
    assert mention.author.handle == "bob@far.example"


def test_posts_above_that_cannot_be_had_never_block_a_page(world: MastodonWorld) -> None:
    pictures = [world.post("look", pictures=1) for _ in range(6)]
    made = [world.mention("real?", parent_id=picture) for picture in pictures]
    world.stand_in.faults.add(Fault(FaultKind.SERVER_ERROR, "GET /api/v1/statuses/*", times=None))
    found = world.connect().mentions("0").mentions
    assert ids(found) == made
    assert all(mention.addressed for mention in found)


def test_a_post_whose_media_are_worked_on_is_asked_for_again(world: MastodonWorld) -> None:
    made = world.post("look", pictures=1)
    (medium,) = world.network.media.values()
    medium.looks_left = 1
    platform = world.connect()
    with pytest.raises(PlatformUnavailable, match="still working"):
        platform.fetch_post(made)
    medium.looks_left = 0
    assert len(platform.fetch_post(made).attachments) == 1


def test_a_page_that_is_no_list(world: MastodonWorld) -> None:
    world.stand_in.faults.add(Fault(FaultKind.MALFORMED, "GET /api/v1/notifications", times=1))
    with pytest.raises(PlatformUnavailable, match="no JSON"):
        world.connect().mentions("0")


def test_a_post_above_is_asked_for_once(world: MastodonWorld) -> None:
    picture = world.post("look", pictures=1)
    for number in range(4):
        world.mention(str(number), parent_id=picture)
    platform = world.connect()
    platform.me()
    before = world.stand_in.budgets.spent("all")
    platform.mentions("0")
    assert platform.fetch_post(picture).attachments
    assert world.stand_in.budgets.spent("all") - before == 2
