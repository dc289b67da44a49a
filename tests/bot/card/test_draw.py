"""The card as a picture."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageStat

from analysis.model import Band, Kind
from bot.card import fonts
from bot.card.draw import COLOURS, SIZE, Card, Thumbnail, _Column, can_write, draw
from bot.card.words import card_of
from bot.replies import Context, MediumResult, languages
from bot.replies.wordings import wordings
from tests.bot.card.conftest import MakeReply

CARD = Card(Band.HIGH, "Strong signs", "We found strong signs in this picture.", "It can be wrong.", "Today")


def opened(png: bytes) -> Image.Image:
    return Image.open(BytesIO(png), formats=["PNG"])


@pytest.mark.parametrize("band", Band)
def test_every_band_has_its_colour_and_its_shape(band: Band) -> None:
    picture = opened(draw(replace(CARD, band=band)))
    assert picture.size == SIZE
    assert picture.getpixel((5, 5)) == tuple(bytes.fromhex(COLOURS[band][0][1:]))
    others = [draw(replace(CARD, band=other)) for other in Band if other is not band]
    side = picture.crop((0, 0, 360, SIZE[1])).point(lambda value: 255 * (value > 250)).tobytes()
    for other in others:
        there = opened(other).crop((0, 0, 360, SIZE[1])).point(lambda value: 255 * (value > 250)).tobytes()
        assert side != there


def test_the_same_card_is_the_same_file(stripes: bytes) -> None:
    assert draw(CARD, stripes) == draw(CARD, stripes)


def test_what_was_checked_is_not_recognisable_unless_configured(stripes: bytes) -> None:
    spots = {}
    for shown in (Thumbnail.BLURRED, Thumbnail.CLEAR):
        medium = opened(draw(CARD, stripes, shown)).convert("L").crop((80, 100, 280, 300))
        spots[shown] = ImageStat.Stat(medium).stddev[0]
    assert spots[Thumbnail.BLURRED] < 10 < 60 < spots[Thumbnail.CLEAR]
    assert draw(CARD, stripes, Thumbnail.NONE) == draw(CARD)


def test_arabic_stands_at_the_right() -> None:
    card = replace(CARD, headline="مؤشرات قوية", body="", limits="قد يخطئ", right_to_left=True)
    if not can_write(card):
        pytest.skip("Pillow has no Raqm here")
    picture = opened(draw(card))
    assert picture.getpixel((SIZE[0] - 5, 5)) == tuple(bytes.fromhex(COLOURS[Band.HIGH][0][1:]))


@pytest.mark.parametrize("language", languages())
def test_the_longest_sentences_fit_in_every_language(
    language: str, make_reply: MakeReply, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fontpkg_noto_sans", reason="needs the extra `cards`")
    written: list[str] = []
    lines = _Column._lines

    def noting(self: _Column, text: str, *args: Any, **named: Any) -> int:
        written.append(text)
        end = lines(self, text, *args, **named)
        assert end <= SIZE[1], text
        return end

    monkeypatch.setattr(_Column, "_lines", noting)
    words = wordings(language)
    for kind, of_band in (("verdict", words.verdict), ("correction", words.correction)):
        for band, sentences in of_band.items():
            longest = max(range(len(sentences)), key=lambda number: len(sentences[number]))
            reply = make_reply(language, band, kind, f"{language}/{kind}.{band}/{longest}")
            media = (MediumResult(Kind.VIDEO, band),) * 2 + (MediumResult(Kind.IMAGE, band),)
            card = card_of(reply, Context(media=media))
            assert can_write(card)
            _Column(ImageDraw.Draw(Image.new("RGB", SIZE)), card, "#000000").write()
            assert card.body in written, f"{language} {kind} {band} {longest} was left out"


def test_a_script_without_a_font_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_CANDIDATES", fonts._CANDIDATES[-1:])
    fonts._faces.cache_clear()
    try:
        assert can_write(CARD)
        assert not can_write(replace(CARD, headline="強い兆候"))
        assert not can_write(replace(CARD, headline="मज़बूत संकेत"))
    finally:
        monkeypatch.undo()
        fonts._faces.cache_clear()


def test_scripts_that_need_shaping_are_not_written_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_can_shape", lambda: False)
    assert can_write(CARD)
    assert not can_write(replace(CARD, limits="قد يخطئ"))
