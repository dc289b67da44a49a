"""Cards on their way with replies."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from PIL import Image

from analysis.limits import Limits
from bot.card import Cards, Thumbnail
from bot.keeping import Keeper
from bot.thumbnails import NoThumbnail, Thumbnails
from state.model import ReplyRow
from tests.bot.rig import Rig, rig


class NoThumbnails(Thumbnails):
    """Nothing can be decoded."""

    def get(self, sha256: str) -> Future[bytes]:
        future: Future[bytes] = Future()
        future.set_exception(NoThumbnail(sha256))
        return future


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path, with_cards=True) as parts:
        yield parts


def answer(bot: Rig, name: str = "m1") -> ReplyRow:
    """The reply that stands under a mention."""
    (mention,) = (m for m, _ in bot.closed if m.post.platform_id == name)
    *_, last = bot.store.outbox.of_mention(mention.id)
    return last


def test_a_verdict_goes_out_with_its_card_and_a_failure_without(bot: Rig) -> None:
    bot.world.mention("m1", bot.world.medium(1))
    bot.world.post("empty", text="nothing here")
    bot.world.mention("m2", parent_id="empty")
    bot.settle()
    replies = {reply["in_reply_to"]: reply for reply in bot.world.replies()}
    verdict, failure = replies["m1"], replies["m2"]
    card = Path(verdict["image"])
    with Image.open(card) as picture:
        assert picture.size == (1200, 630)
    assert "Picture with our result" in verdict["image_alt_text"]
    assert card.stat().st_mode & 0o077 == 0
    assert failure["image"] is None


def test_asked_twice_the_card_is_the_same_file(bot: Rig, tmp_path: Path) -> None:
    bot.world.mention("m1", bot.world.medium(1))
    bot.settle()
    reply = answer(bot)
    cards = Cards(
        bot.store,
        tmp_path / "again",
        Thumbnails(tmp_path / "small", bot.files.path, Limits()),
        Thumbnail.NONE,
    )
    first, said = cards.of(reply)
    content = first.read_bytes()
    first.unlink()
    assert cards.of(reply) == (first, said)
    assert first.read_bytes() == content


def test_what_is_marked_as_sensitive_is_never_clear(bot: Rig, tmp_path: Path) -> None:
    bot.world.mention("m1", bot.world.medium(1), sensitive=True)
    bot.world.mention("m2", bot.world.medium(2), author="zoe")
    bot.settle()
    small = Thumbnails(tmp_path / "small", bot.files.path, Limits())
    cards = Cards(bot.store, tmp_path / "clear", small, Thumbnail.CLEAR)
    shown = [cards.of(answer(bot, name))[0].stem.rpartition("-")[2] for name in ("m1", "m2")]
    assert shown == ["blurred", "clear"]
    small.close()


def test_whoever_is_told_the_same_has_the_same_card(bot: Rig) -> None:
    bot.world.post("asked", bot.world.medium(1))
    for number in range(6):
        bot.world.mention(f"m{number}", parent_id="asked", author=f"asker{number}")
    bot.settle()
    replies = bot.world.replies()
    assert all(reply["image"] for reply in replies)
    assert len({reply["image"] for reply in replies}) == len({r["image_alt_text"] for r in replies}) < 6


def test_a_card_that_cannot_be_kept_stops_no_reply(bot: Rig, tmp_path: Path) -> None:
    (tmp_path / "cards").write_text("a file where a folder should be")
    bot.world.mention("m1", bot.world.medium(1))
    bot.settle()
    (reply,) = bot.world.replies()
    assert reply["image"] is None
    assert bot.end("m1") == "answered"


def test_a_medium_that_cannot_be_decoded_has_a_card_all_the_same(bot: Rig, tmp_path: Path) -> None:
    bot.world.mention("m1", bot.world.medium(1))
    bot.settle()
    without = NoThumbnails(tmp_path / "small", lambda sha256: tmp_path / sha256, Limits())
    file, _ = Cards(bot.store, tmp_path / "bare", without, Thumbnail.BLURRED).of(answer(bot))
    assert file.read_bytes().startswith(b"\x89PNG")


def test_a_card_goes_with_the_file_that_it_shows(bot: Rig, tmp_path: Path) -> None:
    bot.world.mention("m1", bot.world.medium(1))
    bot.settle()
    card = Path(bot.world.replies()[0]["image"])
    keeper = Keeper(
        bot.store, bot.files, quota=10**9, retention=1e9, keep_reviewed=True, drawn=(tmp_path / "cards",)
    )
    assert keeper.delete(card.parent.name)
    assert not card.exists()
