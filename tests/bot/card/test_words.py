"""What a card says."""

from __future__ import annotations

import pytest

from analysis.model import Band, Kind
from bot.card.words import card_of, description_of, is_right_to_left, plain_card_of
from bot.replies import Context, MediumResult, languages
from tests.bot.card.conftest import MakeReply

ONE = Context(media=(MediumResult(Kind.IMAGE, Band.HIGH),))


def test_it_says_what_the_reply_says(make_reply: MakeReply) -> None:
    card = card_of(make_reply(wording="en/verdict.high/1"), ONE)
    assert card.headline == "Strong signs of AI or manipulation"
    assert card.body.startswith(
        "Our automatic check shows strong signs of AI or manipulation in this picture."
    )
    assert "can be wrong" in card.limits
    assert not card.right_to_left
    assert not card.label


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("band", Band)
def test_no_handle_and_no_lone_fake_stands_on_it(language: str, band: Band, make_reply: MakeReply) -> None:
    card = card_of(make_reply(language, band), Context(media=(MediumResult(Kind.AUDIO, band),)))
    said = " ".join((card.label, card.headline, card.body, card.limits, card.checked)).lower()
    assert "@" not in said
    assert "ann" not in said.split()
    assert "fake" not in said


def test_an_operators_own_words_are_not_on_it(make_reply: MakeReply) -> None:
    card = card_of(make_reply(kind="correction", wording="operator"), ONE)
    assert (card.label, card.body) == ("Correction", "")


def test_a_pointer_has_the_verdicts_sentence(make_reply: MakeReply) -> None:
    assert "this picture" in card_of(make_reply(wording="en/pointer/2"), ONE).body


def test_what_is_judged_otherwise_by_now_is_not_said_of_the_media(make_reply: MakeReply) -> None:
    card = card_of(make_reply(band=Band.LOW), ONE)
    assert (card.band, card.body) == (Band.LOW, "")


def test_the_description_tells_the_whole_verdict(make_reply: MakeReply) -> None:
    reply = make_reply("es", kind="correction")
    card = card_of(reply, ONE)
    told = description_of(reply, card)
    assert all(part in told for part in (card.label, card.body, card.limits, card.checked, "indicios"))
    assert len(told) <= 1000


def test_without_a_font_the_band_is_said_in_english(make_reply: MakeReply) -> None:
    card = plain_card_of(make_reply("ja"))
    assert (card.headline, card.body, card.checked) == ("Strong signs", "", "2026-01-02")


def test_directions() -> None:
    assert is_right_to_left("العربية")
    assert not is_right_to_left("日本語")
    assert not is_right_to_left("1 + 1")
