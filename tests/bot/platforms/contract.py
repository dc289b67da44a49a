"""What every platform must do, as tests: subclass `PlatformContract` and give it a `world` fixture.

A `World` is the network seen from outside: it makes posts, takes them away, and tells what the bot has
posted. The tests speak to the platform only through `connect`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import pytest

from bot.errors import PostGone, PostHidden, ReplyRefused
from bot.platforms.base import Draft, Page, Platform, Post


@dataclass(frozen=True, slots=True)
class StandingReply:
    """One reply as the network has it. ``language`` is None where the network keeps none of a post."""

    in_reply_to: str
    text: str
    language: str | None


class World(Protocol):
    """The harness that a platform under contract brings along. Posts are made one after another in time."""

    def connect(self, *, page_size: int = 100) -> Platform:
        """A new client of the same network, as after a restart."""

    def post(
        self,
        text: str = "",
        *,
        parent_id: str | None = None,
        quoted_id: str | None = None,
        pictures: int = 0,
        language: str | None = None,
        sensitive: bool = False,
    ) -> str:
        """Somebody posts; the new post's id."""

    def mention(
        self,
        text: str = "",
        *,
        parent_id: str | None = None,
        quoted_id: str | None = None,
        pictures: int = 0,
        language: str | None = None,
    ) -> str:
        """Somebody tags the bot; the new post's id."""

    def delete(self, post_id: str) -> None:
        """The post's author deletes it."""

    def hide(self, post_id: str) -> None:
        """The post's author blocks the bot."""

    def replies(self) -> list[StandingReply]:
        """What the bot has posted and not taken back, oldest first."""


@contextmanager
def connected(world: World, page_size: int = 100) -> Iterator[Platform]:
    platform = world.connect(page_size=page_size)
    try:
        yield platform
    finally:
        platform.close()


def pages(platform: Platform, cursor: str) -> Iterator[Page]:
    """Every page behind the cursor; a platform that never comes to an end fails."""
    for _ in range(200):
        page = platform.mentions(cursor)
        yield page
        if not page.more:
            return
        assert page.cursor != cursor, "the same cursor again: the bot would never get past it"
        cursor = page.cursor
    pytest.fail("no last page after 200")


def draft(
    post_id: str, text: str = "We found little evidence.", key: str = "key-1", language: str = "en"
) -> Draft:
    return Draft(in_reply_to=post_id, text=text, language=language, key=key)


def ids(posts: tuple[Post, ...]) -> list[str]:
    return [post.id for post in posts]


TEXTS = [
    "Zwölf Boxkämpfer, ¿qué tal? 日本語 עברית العربية",
    "👩🏿‍🚒 🇪🇸 🏴󠁧󠁢󠁥󠁮󠁧󠁿 1️⃣ 🟢",
    "quotes \" \\ ' and\nlines",
]


class PlatformContract:
    """The tests themselves."""

    @pytest.fixture
    def world(self) -> World:
        raise NotImplementedError("a contract needs its world")

    # Mentions

    @pytest.mark.parametrize("page_size", [1, 2, 3, 5, 100])
    def test_paging_yields_every_mention_once(self, world: World, page_size: int) -> None:
        made = [world.mention(f"is this real? {number}") for number in range(5 * min(page_size, 3))]
        with connected(world, page_size) as platform:
            seen = list(pages(platform, platform.cursor_at_start()))
        assert sorted(post.id for page in seen for post in page.mentions) == sorted(made)
        assert all(len(page.mentions) <= page_size for page in seen)

    def test_a_page_is_ordered_by_time(self, world: World) -> None:
        made = [world.mention() for _ in range(4)]
        with connected(world) as platform:
            page = platform.mentions(platform.cursor_at_start())
        assert ids(page.mentions) == made
        times = [post.created_at for post in page.mentions]
        assert times == sorted(times)
        assert all(time.tzinfo is not None for time in times)

    def test_a_cursor_survives_a_restart_at_every_page(self, world: World) -> None:
        made = [world.mention() for _ in range(6)]
        with connected(world, 2) as platform:
            cursor = platform.cursor_at_start()
        seen: list[str] = []
        more = True
        while more:
            with connected(world, 2) as platform:
                page = platform.mentions(cursor)
            seen += ids(page.mentions)
            cursor, more = page.cursor, page.more
        assert sorted(seen) == sorted(made)

    def test_the_last_cursor_waits_for_what_comes(self, world: World) -> None:
        world.mention()
        with connected(world) as platform:
            *_, last = pages(platform, platform.cursor_at_start())
            assert platform.mentions(last.cursor).mentions == ()
            new = world.mention()
            assert ids(platform.mentions(last.cursor).mentions) == [new]

    def test_the_same_cursor_gives_the_same_page(self, world: World) -> None:
        for _ in range(3):
            world.mention()
        with connected(world, 2) as platform:
            start = platform.cursor_at_start()
            assert platform.mentions(start) == platform.mentions(start)

    def test_a_start_at_now_skips_what_was(self, world: World) -> None:
        world.mention()
        with connected(world) as platform:
            cursor = platform.cursor_at_now()
            assert platform.mentions(cursor).mentions == ()
            new = world.mention()
            assert ids(platform.mentions(cursor).mentions) == [new]

    def test_nobody_has_mentioned_the_bot(self, world: World) -> None:
        with connected(world) as platform:
            for cursor in (platform.cursor_at_start(), platform.cursor_at_now()):
                page = platform.mentions(cursor)
                assert (page.mentions, page.more) == ((), False)

    # Posts

    def test_a_mention_leads_to_its_parent_and_quoted_post(self, world: World) -> None:
        parent = world.post("look", pictures=2, language="es")
        quoted = world.post("here", pictures=1)
        made = world.mention("real?", parent_id=parent, quoted_id=quoted, language="en")
        with connected(world) as platform:
            (mention,) = platform.mentions(platform.cursor_at_start()).mentions
            assert (mention.id, mention.parent_id, mention.quoted_id) == (made, parent, quoted)
            assert mention.language == "en"
            fetched = platform.fetch_post(parent)
            assert (fetched.id, fetched.language, len(fetched.attachments)) == (parent, "es", 2)
            assert len(platform.fetch_post(quoted).attachments) == 1

    def test_a_mention_can_be_fetched(self, world: World) -> None:
        made = world.mention("my own picture", pictures=1)
        with connected(world) as platform:
            (mention,) = platform.mentions(platform.cursor_at_start()).mentions
            assert platform.fetch_post(made) == mention
            assert len(mention.attachments) == 1

    def test_media_that_are_marked_as_sensitive_say_so(self, world: World) -> None:
        marked = world.post("not for everybody", pictures=2, sensitive=True)
        plain = world.post("for everybody", pictures=1)
        with connected(world) as platform:
            told = [
                [each.sensitive for each in platform.fetch_post(id_).attachments] for id_ in (marked, plain)
            ]
        assert told == [[True, True], [False]]

    def test_posts_that_cannot_be_seen_say_why(self, world: World) -> None:
        gone, hidden = world.post(), world.post()
        world.delete(gone)
        world.hide(hidden)
        with connected(world) as platform:
            with pytest.raises(PostGone):
                platform.fetch_post(gone)
            with pytest.raises(PostHidden):
                platform.fetch_post(hidden)

    def test_a_post_that_never_was_is_gone(self, world: World) -> None:
        there = world.post()
        with connected(world) as platform, pytest.raises(PostGone):
            platform.fetch_post(there + "0")

    # Replies

    def test_a_reply_stands(self, world: World) -> None:
        made = world.mention()
        with connected(world) as platform:
            assert platform.find_reply(draft(made)) is None
            sent = platform.reply(draft(made, language="es"))
            assert platform.find_reply(draft(made, language="es")) == sent
        (reply,) = world.replies()
        assert (reply.in_reply_to, reply.text) == (made, "We found little evidence.")
        assert reply.language in {"es", None}

    def test_the_same_key_never_makes_a_second_reply(self, world: World) -> None:
        made = world.mention()
        with connected(world) as platform:
            first = platform.reply(draft(made))
            assert platform.reply(draft(made)).id == first.id
        with connected(world) as restarted:
            assert restarted.reply(draft(made)).id == first.id
        assert len(world.replies()) == 1

    def test_two_clients_at_once_make_one_reply_a_key(self, world: World) -> None:
        made = world.mention()
        with connected(world) as one, connected(world) as other:
            first = one.reply(draft(made, key="a"))
            assert other.reply(draft(made, key="a")).id == first.id
            second = other.reply(draft(made, key="b", text="We looked again."))
            assert one.find_reply(draft(made, key="b", text="We looked again.")) == second
        assert len(world.replies()) == 2

    def test_there_is_no_replying_to_what_is_gone(self, world: World) -> None:
        gone, hidden = world.mention(), world.mention()
        world.delete(gone)
        world.hide(hidden)
        with connected(world) as platform:
            with pytest.raises(PostGone):
                platform.reply(draft(gone, key="a"))
            with pytest.raises(PostHidden):
                platform.reply(draft(hidden, key="b"))
            assert platform.find_reply(draft(gone, key="a")) is None
        assert world.replies() == []

    @pytest.mark.parametrize("text", TEXTS)
    def test_any_script_comes_through(self, world: World, text: str) -> None:
        made = world.mention(text)
        with connected(world) as platform:
            (mention,) = platform.mentions(platform.cursor_at_start()).mentions
            assert unicodedata.normalize("NFC", text) in unicodedata.normalize("NFC", mention.text)
            platform.reply(draft(made, text=text))
        (reply,) = world.replies()
        assert unicodedata.normalize("NFC", reply.text) == unicodedata.normalize("NFC", text)

    def test_a_text_fits_up_to_the_limit_and_no_further(self, world: World) -> None:
        first, second = world.mention(), world.mention()
        with connected(world) as platform:
            longest = "a" * platform.text_rules.max_length
            assert platform.text_rules.fits(longest)
            platform.reply(draft(first, text=longest, key="fits"))
            assert not platform.text_rules.fits(longest + "a")
            with pytest.raises(ReplyRefused):
                platform.reply(draft(second, text=longest + "a", key="too long"))
        assert [reply.text for reply in world.replies()] == [longest]

    def test_a_reply_is_taken_back_once(self, world: World) -> None:
        made = world.mention()
        with connected(world) as platform:
            first = platform.reply(draft(made, key="a"))
            platform.reply(draft(made, key="b", text="We looked again."))
            platform.retract(first.id)
            platform.retract(first.id)
        assert [(each.in_reply_to, each.text) for each in world.replies()] == [(made, "We looked again.")]
        with connected(world) as restarted:
            restarted.retract(first.id)
        assert len(world.replies()) == 1

    # The rest

    def test_the_bot_knows_itself_and_its_limits(self, world: World) -> None:
        with connected(world, 7) as platform:
            assert platform.me().id
            assert not platform.me().handle.startswith("@")
            assert platform.limits.page_size == 7
            assert platform.limits.min_poll_interval >= 0
            assert platform.name

    def test_closing_twice_is_safe(self, world: World) -> None:
        platform = world.connect()
        platform.close()
        platform.close()
