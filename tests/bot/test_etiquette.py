"""What is asked for and how politely it is answered: threads, pointers, orders, loops, own posts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from analysis.ensemble.combine import ReviewLabel
from analysis.model import Band, Reason, Verdict
from analysis.stub import StubAnalyzer
from bot.manners import Manners
from bot.reviews import review
from state.model import MentionState, ReplyState, Step
from tests.bot.rig import Rig, rig

LENIENT = timedelta(hours=1000)


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Rig]:
    with rig(tmp_path) as bot:
        yield bot


def replied(bot: Rig, name: str) -> str:
    """The bot's reply to a mention, made a post that others can reply to; its id."""
    (reply,) = [each for each in bot.world.replies() if each["in_reply_to"] == name]
    return own_post(bot, str(reply["id"]), parent_id=name)


def own_post(bot: Rig, id_: str, *media: str, **fields: Any) -> str:
    """One of the bot's own posts, with the picture of a verdict on it."""
    return bot.world.post(id_, *media, author="bot", **fields)


# Which post is meant


def judged(bot: Rig, name: str) -> str | None:
    """The post that a mention was found to ask about."""
    (row,) = [m for m in bot.store.mentions.in_state(*MentionState) if m.post.platform_id == name]
    return bot.store.posts.get(row.target_id).platform_id if row.target_id is not None else None


def test_each_place_where_media_are_looked_for(bot: Rig) -> None:
    world = bot.world
    world.post("p", world.medium(1), world.medium(2))
    world.post("quoting", quoted_id="p")
    world.post("below-quoting", parent_id="quoting")
    world.post("boosting", boosted_id="p")
    meant = {
        world.mention("own", world.medium(3), parent_id="p", author="a"): "own",
        world.mention("parent", parent_id="p", author="b"): "p",
        world.mention("quoted", quoted_id="p", author="c"): "p",
        world.mention("quoted-by-parent", parent_id="quoting", author="d"): "p",
        world.mention("quoted-up-the-thread", parent_id="below-quoting", author="e"): "p",
        world.mention("boosted", boosted_id="p", author="f"): "p",
        world.mention("boosted-by-parent", parent_id="boosting", author="g"): "p",
    }
    bot.settle()
    assert {name: judged(bot, name) for name in meant} == meant
    assert len(bot.store.posts.media_of("inbox", "p")) == 2


def test_the_picture_of_a_verdict_is_never_what_is_meant(bot: Rig) -> None:
    world = bot.world
    card = world.medium(9)
    world.post("p", world.medium(1))
    world.post("asking", parent_id="p", text="@veritag?")
    own_post(bot, "verdict", card, parent_id="asking")
    own_post(bot, "alone", card)
    world.mention("below", parent_id="verdict", author="b")
    world.mention("quoting", quoted_id="verdict", author="c")
    world.mention("below-alone", parent_id="alone", author="d")
    bot.settle()
    assert judged(bot, "below") == judged(bot, "quoting") == "p"
    assert bot.end("below-alone") == "failed:no_media"


@pytest.mark.parametrize(("state", "reason"), [("deleted", "post_gone"), ("hidden", "post_hidden")])
def test_a_parent_that_cannot_be_seen_ends_the_mention_with_that_reason(
    bot: Rig, state: str, reason: str
) -> None:
    (bot.world.folder / "posts" / "p.json").write_text(f'{{"id": "p", "state": "{state}"}}')
    bot.world.mention("m", parent_id="p")
    bot.settle()
    assert bot.end("m") == f"failed:{reason}"
    assert bot.reply_counts() == {"m": 1}


# Who asks nothing


def test_a_reply_chain_that_the_bot_was_drawn_into_is_no_question(bot: Rig) -> None:
    world = bot.world
    world.post("p", world.medium(1))
    world.mention("m", parent_id="p")
    bot.settle()
    below = replied(bot, "m")
    expected = {
        world.mention("talk", parent_id=below, text="no way", addressed=False): "ignored:not_addressed",
        world.mention(
            "named", parent_id="p", text="Veritag, is it?", addressed=False, author="b"
        ): "answered",
        world.mention("told", parent_id=below, text="details", addressed=False): "answered",
        world.mention(
            "far", parent_id="p", text="stop", addressed=False, author="c"
        ): "ignored:not_addressed",
        world.mention(
            "quit", parent_id=below, text="stop", addressed=False, author="d"
        ): "ignored:order_stop",
    }
    bot.settle()
    assert {name: bot.end(name) for name in expected} == expected


def test_thanks_below_the_bots_reply_are_no_question(bot: Rig) -> None:
    bot.world.post("p", bot.world.medium(1))
    bot.world.mention("m", parent_id="p")
    bot.settle()
    bot.world.mention("thanks", parent_id=replied(bot, "m"), text="@veritag thank you!", author="b")
    bot.settle()
    assert bot.end("thanks") == "ignored:nothing_asked"


def test_two_bots_do_not_answer_each_other_for_ever(tmp_path: Path) -> None:
    with rig(tmp_path, manners=Manners(100, LENIENT, max_exchanges=3)) as bot:
        above = None
        for number in range(6):
            name = bot.world.mention(f"m{number}", bot.world.medium(number), parent_id=above)
            bot.settle()
            if bot.end(name) != "answered":
                break
            above = replied(bot, name)
        assert (name, bot.end(name)) == ("m3", "ignored:loop")
        other = bot.world.mention("other", bot.world.medium(99), parent_id=above, author="b")
        bot.settle()
        assert bot.end(other) == "answered"


# Threads


def test_a_second_asker_in_a_thread_is_pointed_to_the_answer(bot: Rig) -> None:
    world = bot.world
    world.post("p", world.medium(1))
    world.post("talk", parent_id="p")
    world.post("elsewhere", quoted_id="p")
    world.mention("first", parent_id="p")
    bot.settle()
    world.mention("second", parent_id="talk", author="b")
    world.mention("other-thread", parent_id="elsewhere", author="c")
    world.mention("in-spanish", parent_id="p", author="d", text="@veritag en español")
    world.mention("in-detail", parent_id="p", author="e", text="@veritag details")
    bot.settle()
    wordings = {
        mention.post.platform_id: reply.wording
        for mention in bot.store.mentions.in_state(MentionState.ANSWERED)
        for reply in bot.store.outbox.of_mention(mention.id)
    }
    assert wordings["second"].startswith("en/pointer/")
    assert wordings["in-spanish"].startswith("es/verdict.")
    for name in ("first", "other-thread", "in-detail"):
        assert wordings[name].startswith("en/verdict."), name
    assert "http" not in bot.replies_to("second")[0]


def test_no_pointer_to_what_no_longer_holds(bot: Rig) -> None:
    bot.world.post("p", bot.world.medium(1))
    bot.world.mention("first", parent_id="p")
    bot.settle()
    (first,) = bot.store.mentions.in_state(MentionState.ANSWERED)
    bot.store.mentions.set_band(first.id, "trusted")
    bot.world.mention("second", parent_id="p", author="b")
    bot.settle()
    assert "in this thread" not in bot.replies_to("second")[0]


def test_a_thread_has_room_for_so_many_replies_a_day(tmp_path: Path) -> None:
    with rig(tmp_path, manners=Manners(100, LENIENT, per_thread_per_day=2)) as bot:
        world = bot.world
        world.post("p", world.medium(1))
        world.post("empty")
        for number in range(4):
            world.mention(f"m{number}", parent_id="p", author=f"a{number}")
            world.mention(f"e{number}", parent_id="empty", author=f"a{number}")
            world.mention(f"n{number}", world.medium(5), author=f"a{number}", thread_id="named")
        bot.settle()
        for kind, end in (("m", "answered"), ("e", "failed:no_media"), ("n", "answered")):
            ends = [bot.end(f"{kind}{number}") for number in range(4)]
            assert ends == [end, end, "ignored:thread_limit", "ignored:thread_limit"], kind
        bot.clock.advance(86_401)
        world.mention("tomorrow", parent_id="p", author="b")
        bot.settle()
        assert bot.end("tomorrow") == "answered"


# Orders


def test_the_language_asked_for_is_answered_in_and_told_once_more(bot: Rig) -> None:
    world = bot.world
    world.post("p", world.medium(1), language="en")
    expected = {
        world.mention("plain", parent_id="p", language="en"): "answered",
        world.mention("again", parent_id="p", language="en"): "ignored:asked_already",
        world.mention("spanish", parent_id="p", text="@veritag en español"): "answered",
        world.mention("spanish-again", parent_id="p", text="@veritag in spanish"): "ignored:asked_already",
        world.mention("details", parent_id="p", text="@veritag details"): "answered",
        world.mention("details-again", parent_id="p", text="@veritag more details"): "ignored:asked_already",
    }
    bot.settle()
    assert {name: bot.end(name) for name in expected} == expected
    assert "esta imagen" in bot.replies_to("spanish")[0]
    assert "this picture" in bot.replies_to("details")[0]


def figures(code: str, **values: str | int) -> Reason:
    return Reason(code, "words for operators", values)


VERDICT = Verdict(
    Band.HIGH,
    0.9,
    "calibrated",
    (
        figures("detector_signs", detector="veritag_face"),
        figures("detector_published_rates", detector="aasist", finding="detector_undecided"),
        figures("detector_uncalibrated", detector="veritag_image"),
        figures("detector_uncalibrated", detector="npr"),
        figures("measured_false_alarms", errors=2, media=120),
    ),
)


def test_details_tell_what_each_check_found_and_how_often_it_errs(tmp_path: Path) -> None:
    class Judging(StubAnalyzer):
        def __init__(self) -> None:
            super().__init__({sha256_of(1): VERDICT})

    with rig(tmp_path, analyzer=Judging()) as bot:
        bot.world.post("p", bot.world.medium(1))
        bot.world.mention("short", parent_id="p")
        bot.world.mention("long", parent_id="p", text="@veritag details", author="b")
        bot.settle()
        assert "What we looked at" not in bot.replies_to("short")[0]
        text = bot.replies_to("long")[0]
        assert (
            "What we looked at: faces: signs of AI or manipulation; voice and sound: no clear sign either "
            "way; the whole picture (2 checks): not counted, as its errors were never measured." in text
        )
        assert "In tests, 2 of 120 unaltered pictures had a result like this." in text


def sha256_of(seed: int) -> str:
    import hashlib

    from tests.bot.world import png

    return hashlib.sha256(png(seed)).hexdigest()


# People who want no more


def test_nothing_more_is_posted_to_who_said_stop_while_the_check_ran(bot: Rig) -> None:
    bot.world.post("p", bot.world.medium(1))
    bot.world.mention("m", parent_id="p")
    bot.world.mention("blocked", parent_id="p", author="b")
    bot.watch()
    while bot.step(Step.RESOLVE) or bot.step(Step.ANALYSE):
        pass
    bot.world.mention("stop", text="@veritag stop")
    bot.store.blocks.add("inbox", "@B", reason="abuse", by="op")
    bot.settle()
    assert bot.end("m") == "ignored:opted_out"
    assert bot.end("blocked") == "ignored:blocked"
    assert bot.world.replies() == []


def test_a_correction_is_kept_from_who_opted_out_and_that_is_recorded(bot: Rig) -> None:
    bot.world.post("p", bot.world.medium(1))
    for author in ("ann", "bob"):
        bot.world.mention(author, parent_id="p", author=author)
    bot.settle()
    bot.world.mention("stop", text="@veritag stop", author="bob")
    bot.watch()
    (band,) = {mention.band for mention in bot.store.mentions.in_state(MentionState.ANSWERED)}
    label = ReviewLabel.REAL if band == "high" else ReviewLabel.FAKE
    rules = {"inbox": bot.platform.text_rules}
    (sha256,) = [medium.sha256 for medium in bot.store.posts.media_of("inbox", "p")]
    assert sha256 is not None
    corrections = review(bot.store, bot.writer, rules, sha256, label, note="", reviewer="op")
    bot.settle()
    assert [each.mention.asker_handle for each in corrections] == ["ann"]
    assert bot.reply_counts() == {"ann": 2, "bob": 1}
    told = [event.name for event in bot.store.events.of_mention(mention_id(bot, "bob"))]
    assert told[-1] == "correction_withheld"


def mention_id(bot: Rig, name: str) -> int:
    return next(m.id for m in bot.store.mentions.in_state(*MentionState) if m.post.platform_id == name)


def test_a_reply_that_may_stand_is_recorded_even_if_it_is_no_longer_wanted(bot: Rig) -> None:
    from bot.errors import OutcomeUnknown

    bot.world.post("p", bot.world.medium(1))
    bot.world.mention("m", parent_id="p")
    bot.platform.after.append(OutcomeUnknown("time-out"))
    bot.watch()
    while bot.step(Step.RESOLVE) or bot.step(Step.ANALYSE) or bot.step(Step.SEND):
        pass
    bot.world.mention("stop", text="@veritag stop")
    bot.settle()
    assert bot.end("m") == "answered"
    (reply,) = bot.store.outbox.of_mention(mention_id(bot, "m"))
    assert reply.state is ReplyState.SENT


@pytest.mark.parametrize(("to_media_post", "where"), [(False, "m"), (True, "p")])
def test_a_correction_goes_where_the_verdict_went(tmp_path: Path, to_media_post: bool, where: str) -> None:
    with rig(tmp_path, to_media_post=to_media_post) as bot:
        bot.world.post("p", bot.world.medium(1))
        bot.world.mention("m", parent_id="p")
        bot.settle()
        (mention,) = bot.store.mentions.in_state(MentionState.ANSWERED)
        label = ReviewLabel.REAL if mention.band == "high" else ReviewLabel.FAKE
        review(
            bot.store,
            bot.writer,
            {"inbox": bot.platform.text_rules},
            sha256_of(1),
            label,
            note="",
            reviewer="",
        )
        bot.settle()
        assert bot.reply_counts() == {where: 2}
