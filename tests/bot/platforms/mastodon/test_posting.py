"""Replies: who sees them, with what picture, under which post, and once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.clock import FakeClock
from bot.errors import PlatformUnavailable, PostGone, ReplyRefused
from bot.platforms.base import Draft
from bot.platforms.mastodon import posting
from bot.platforms.mastodon.posting import visibility_of
from bot.standins.faults import Fault, FaultKind
from bot.standins.mastodon.network import Status
from tests.bot.platforms.contract import draft
from tests.bot.platforms.mastodon.world import Doorway, MastodonWorld
from tests.bot.world import png


def last(world: MastodonWorld) -> Status:
    return [each for each in world.network.statuses.values() if each.author_id == world.bot.id][-1]


@pytest.fixture
def pictured(tmp_path: Path) -> Draft:
    image = tmp_path / "card.png"
    image.write_bytes(png(1))
    return replace(draft(""), image=image, image_alt_text="The verdict: little evidence")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "PICTURE_PAUSE", 0.0)


@pytest.mark.parametrize(
    ("asked", "widest", "seen"),
    [
        ("public", "unlisted", "unlisted"),
        ("public", "public", "public"),
        ("public", "direct", "direct"),
        ("unlisted", "public", "unlisted"),
        ("private", "public", "direct"),
        ("direct", "public", "direct"),
        ("local", "public", "direct"),
    ],
)
def test_a_reply_is_never_seen_wider_than_the_mention(asked: str, widest: str, seen: str) -> None:
    assert visibility_of(asked, widest) == seen


@pytest.mark.parametrize("asked", ["public", "direct"])
def test_the_asker_is_told(world: MastodonWorld, asked: str) -> None:
    bob = world.network.join("bob@far.example")
    made = world.mention("real?", author=bob, visibility=asked)
    world.connect().reply(draft(made, language="es"))
    reply = last(world)
    assert reply.text == "@bob@far.example We found little evidence."
    assert reply.mentioned == (bob.id,)
    assert (reply.language, reply.parent_id) == ("es", made)
    assert reply.visibility == ("direct" if asked == "direct" else "unlisted")


def test_a_reply_comes_with_its_picture(world: MastodonWorld, pictured: Draft) -> None:
    made = world.mention()
    sent = world.connect().reply(replace(pictured, in_reply_to=made))
    (medium,) = [world.network.media[each] for each in last(world).media]
    assert (medium.content, medium.description) == (png(1), "The verdict: little evidence")
    assert medium.mime == "image/png"
    assert sent.url == f"{world.url}/@veritag/{sent.id}"


def test_a_picture_that_is_worked_on_is_waited_for_in_later_tries(
    world: MastodonWorld, pictured: Draft
) -> None:
    world.network.looks_until_ready = posting.PICTURE_LOOKS + 2
    made = world.mention()
    platform = world.connect()
    with pytest.raises(PlatformUnavailable, match="still working on the picture"):
        platform.reply(replace(pictured, in_reply_to=made))
    assert world.replies() == []
    platform.reply(replace(pictured, in_reply_to=made))
    assert len(world.network.media) == 1
    assert last(world).media == tuple(world.network.media)


@pytest.mark.parametrize("kind", [FaultKind.DUPLICATE, FaultKind.PARENT_GONE])
def test_a_picture_that_is_refused_is_left_out(
    world: MastodonWorld, pictured: Draft, kind: FaultKind
) -> None:
    world.stand_in.faults.add(Fault(kind, "POST /api/v2/media"))
    world.connect().reply(replace(pictured, in_reply_to=world.mention()))
    assert last(world).media == ()


def test_a_picture_that_is_not_there_is_left_out(world: MastodonWorld, pictured: Draft) -> None:
    assert pictured.image is not None
    pictured.image.unlink()
    world.connect().reply(replace(pictured, in_reply_to=world.mention()))
    assert last(world).media == ()


def test_a_reply_that_is_refused_with_its_picture_is_tried_without(
    world: MastodonWorld, pictured: Draft
) -> None:
    world.stand_in.faults.add(Fault(FaultKind.DUPLICATE, "POST /api/v1/statuses"))
    world.connect().reply(replace(pictured, in_reply_to=world.mention()))
    assert last(world).media == ()
    assert len(world.replies()) == 1


def test_an_upload_that_fails_in_passing_posts_nothing(world: MastodonWorld, pictured: Draft) -> None:
    world.stand_in.faults.add(Fault(FaultKind.SERVER_ERROR, "POST /api/v2/media"))
    with pytest.raises(PlatformUnavailable):
        world.connect().reply(replace(pictured, in_reply_to=world.mention()))
    assert world.replies() == []


def test_a_key_is_kept_for_an_hour_and_reading_back_goes_on(tmp_path: Path, doorway: Doorway) -> None:
    clock = FakeClock(datetime.now(UTC))
    world = MastodonWorld(tmp_path, clock, doorway)
    made = world.mention()
    first = world.connect().reply(draft(made))
    clock.advance(2 * 3600)
    assert world.connect().reply(draft(made)) == first
    assert len(world.replies()) == 1


def test_a_reply_is_found_among_many(world: MastodonWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "OWN_PAGE", 4)
    asked = [world.mention(str(number)) for number in range(15)]
    platform = world.connect()
    sent = [platform.reply(draft(each, key=each)) for each in asked]
    assert [platform.find_reply(draft(each, key=each)) for each in asked] == sent
    monkeypatch.setattr(posting, "OWN_PAGES", 2)
    with pytest.raises(PlatformUnavailable, match="posted too much"):
        platform.find_reply(draft(asked[0]))


def test_links_and_scripts_are_recognised_in_what_stands(world: MastodonWorld) -> None:
    text = "Verdict: high.\n\nDetails: https://veritag.example/verdicts/a-long-address?x=1&y=2 <b> 🟢 é"
    made = world.mention()
    sent = world.connect().reply(draft(made, text=text))
    assert world.connect().find_reply(draft(made, text=text)) == sent
    assert world.connect().find_reply(draft(made, text=text + "!")) is None


def test_a_reply_to_what_has_just_gone_is_taken_back(
    world: MastodonWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.network.quirks.answers_what_is_gone = True
    made = world.mention()
    platform = world.connect()
    kept = world.network.statuses[made]
    real = posting.Poster._picture

    def gone_meanwhile(self: posting.Poster, given: Draft) -> str | None:
        world.network.statuses.pop(kept.id, None)
        return real(self, given)

    monkeypatch.setattr(posting.Poster, "_picture", gone_meanwhile)
    with pytest.raises(PostGone, match="went away"):
        platform.reply(draft(made))
    assert [each for each in world.network.statuses.values() if each.author_id == world.bot.id] == []


def test_a_handle_that_is_there_is_not_put_there_again(world: MastodonWorld) -> None:
    bob = world.network.join("bob@far.example")
    made = world.mention("real?", author=bob)
    text = "@bob@far.example We found little evidence."
    sent = world.connect().reply(draft(made, text=text))
    assert last(world).text == text
    assert world.connect().find_reply(draft(made, text=text)) == sent


def test_where_the_handle_has_no_room_only_a_direct_reply_is_refused(world: MastodonWorld) -> None:
    made, secret = world.mention("real?"), world.mention("real?", visibility="direct")
    longest = "a" * 500
    world.connect().reply(draft(made, text=longest))
    assert last(world).text == longest
    with pytest.raises(ReplyRefused, match="@ann in front"):
        world.connect().reply(draft(secret, text=longest))


def test_the_instance_s_own_limit_holds_once_it_was_asked(world: MastodonWorld) -> None:
    world.network.max_characters = 5000
    platform = world.connect()
    assert platform.text_rules.max_length == 500
    platform.me()
    assert platform.text_rules.max_length == 5000
