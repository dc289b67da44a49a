"""Every reply in every language on every platform: measured, tidy, in the language's direction."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator
from functools import cache

import pytest

from analysis.model import Band, Kind
from bot.platforms.base import TextRules
from bot.platforms.text import characters, graphemes, weighted
from bot.replies import Context, MediumResult, ReplyKind, compose, languages, slot
from bot.replies.model import FAILURES, Details, Finding, Rate
from bot.replies.wordings import wordings

RULES = {
    "x": TextRules(280, weighted),
    "mastodon": TextRules(500, characters),
    "bluesky": TextRules(300, graphemes, max_bytes=3000),
    "inbox": TextRules(500, graphemes),
}
HANDLES = {
    "x": "w" * 15,
    "mastodon": "w" * 30 + "@social.example",
    "bluesky": "w" * 15 + ".bsky.social",
    "inbox": "w" * 30,
}
ANSWERS = (ReplyKind.VERDICT, ReplyKind.CORRECTION)
LANGUAGES = languages()

FOUND = (
    ("picture", "signs", 1),
    ("faces", "little_sign", 3),
    ("sound", "undecided", 2),
    ("words", "not_counted", 1),
)
LINK = "https://veritag.example/r/1"

ISOLATES = "\u2066\u2067\u2068"
END_OF_ISOLATE = "\u2069"


def galleries(band: Band) -> Iterator[tuple[MediumResult, ...]]:
    """One, two and four media of each kind and mixed: all of this band, and one alone of it."""
    # None: what could not be checked.
    lesser = next((each for each in Band if each.severity < band.severity), None)
    for kind, count in itertools.product(Kind, (1, 2, 4)):
        yield (MediumResult(kind, band),) * count
    yield tuple(MediumResult(kind, band) for kind in (*Kind, Kind.VIDEO))
    for count in (2, 4):
        yield (MediumResult(Kind.IMAGE, band), *(MediumResult(Kind.IMAGE, lesser),) * (count - 1))


def contexts() -> Iterator[tuple[ReplyKind, Context]]:
    """What there can be to tell, bare and with everything."""
    for kind, band in itertools.product(ANSWERS, Band):
        for media in galleries(band):
            yield kind, Context(media)
            yield kind, Context(media, limited_evidence=True)
            yield (
                kind,
                Context(media, probability=0.7, earlier=True, limited_evidence=True, licence="CC BY-NC 4.0"),
            )
            if kind is ReplyKind.VERDICT:
                yield kind, Context(media, pointer=True, link=LINK)
    for rate in (Rate("misses", 0, 120), Rate("false_alarms", 1, 240), None):
        for medium in Kind:
            told = Details(tuple(Finding(*each) for each in FOUND), rate, medium)
            yield ReplyKind.VERDICT, Context((MediumResult(medium, Band.HIGH),), details=told, link=LINK)
    for code in FAILURES:
        unread = (MediumResult(Kind.IMAGE, None, code), MediumResult(Kind.VIDEO, None, "gone"))
        yield ReplyKind.FAILURE, Context(failure=code)
        yield ReplyKind.FAILURE, Context(unread, failure=code)
    yield ReplyKind.PENDING, Context()


@cache
def rendered(language: str, platform: str) -> tuple[tuple[ReplyKind, Context, str], ...]:
    """Every wording of every context."""
    found = []
    for kind, context in contexts():
        for turn in range(len(wordings(language).of(slot(kind, context)))):
            reply = compose(
                kind,
                context,
                language=language,
                rules=RULES[platform],
                turn=turn,
                handle=HANDLES[platform],
            )
            assert reply.wording.startswith(f"{language}/")
            found.append((kind, context, reply.text))
    return tuple(found)


@cache
def every_line(language: str) -> frozenset[str]:
    """Each line that any reply has, but for the one of a link."""
    texts = {text for platform in RULES for _, _, text in rendered(language, platform)}
    return frozenset(line for text in texts for line in text.split("\n")) - {LINK}


@pytest.mark.parametrize("platform", RULES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reply_fits_and_keeps_its_handle(language: str, platform: str) -> None:
    for text in {text for _, _, text in rendered(language, platform)}:
        assert RULES[platform].fits(text), text
        assert f"@{HANDLES[platform]}" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_is_tidy(language: str) -> None:
    end = wordings(language).frame.sentence_end
    for line in every_line(language):
        assert unicodedata.is_normalized("NFC", line), line
        assert not re.search(r"[{}%]|\s\s|\.\.|None", line), line
        assert line.endswith(end), line


@pytest.mark.parametrize("language", LANGUAGES)
def test_weak_evidence_is_told_on_x_wherever_english_tells_it(language: str) -> None:
    here, there = wordings(language).parts.limited_evidence, wordings("en").parts.limited_evidence
    told_in_english: dict[tuple[ReplyKind, Context], bool] = {}
    for kind, context, text in rendered("en", "x"):
        told_in_english[kind, context] = told_in_english.get((kind, context), True) and there in text
    assert any(told_in_english.values())
    for kind, context, text in rendered(language, "x"):
        assert here in text or not told_in_english[kind, context], text


# Direction


def from_right_to_left(language: str) -> bool:
    """Whether the language's own name is written so."""
    return unicodedata.bidirectional(wordings(language).name[0]) in {"R", "AL"}


def first_strong(line: str, *, into_isolates: bool) -> str:
    """What a client takes for the direction of a line.

    The Unicode algorithm (UAX #9, P2) passes over isolates; `dir="auto"` of HTML looks into them.
    """
    depth = 0
    for character in line:
        depth += (character in ISOLATES) - (character == END_OF_ISOLATE)
        kind = unicodedata.bidirectional(character)
        if kind in {"L", "R", "AL"} and (into_isolates or depth == 0):
            return kind
    return ""


@pytest.mark.parametrize("into_isolates", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_runs_in_the_direction_of_its_language(language: str, into_isolates: bool) -> None:
    right = {"R", "AL"} if from_right_to_left(language) else {"L"}
    for line in every_line(language):
        assert first_strong(line, into_isolates=into_isolates) in right, line


@pytest.mark.parametrize("language", LANGUAGES)
def test_isolates_are_closed_and_hold_what_runs_the_other_way(language: str) -> None:
    for line in every_line(language):
        depth = 0
        for character in line:
            depth += (character in ISOLATES) - (character == END_OF_ISOLATE)
            assert depth in {0, 1}, line
            if from_right_to_left(language) and unicodedata.bidirectional(character) == "L":
                assert depth == 1, line
        assert depth == 0, line


def test_an_arabic_reply_begins_from_the_right() -> None:
    context = Context((MediumResult(Kind.IMAGE, Band.HIGH),))
    reply = compose(ReplyKind.VERDICT, context, language="ar", rules=RULES["x"], turn=0, handle="ann")
    assert reply.text.startswith("\u200f\u2068@ann\u2069 🔴 ")


ARABIC_COUNTS = [
    ([Band.HIGH] * 2, "هاتين الصورتين"),
    ([Band.HIGH] * 3, "هذه الصور الـ3"),
    ([Band.HIGH, Band.LOW], "إحدى هاتين الصورتين"),
    ([Band.HIGH, Band.LOW, Band.LOW], "إحدى هذه الصور الـ3"),
    ([Band.HIGH, Band.HIGH, Band.LOW], "صورتين من هذه الصور الـ3"),
    ([Band.HIGH, Band.HIGH, Band.HIGH, Band.LOW], "3 من هذه الصور الـ4"),
]


@pytest.mark.parametrize(("bands", "phrase"), ARABIC_COUNTS)
def test_arabic_counts_as_arabic_does(bands: list[Band], phrase: str) -> None:
    context = Context(tuple(MediumResult(Kind.IMAGE, band) for band in bands))
    reply = compose(ReplyKind.VERDICT, context, language="ar", rules=RULES["inbox"], turn=0)
    assert f" {phrase}" in reply.text


def test_japanese_puts_nothing_between_sentences() -> None:
    media = (MediumResult(Kind.IMAGE, Band.HIGH), MediumResult(Kind.VIDEO, Band.LOW))
    context = Context(media, limited_evidence=True)
    reply = compose(ReplyKind.VERDICT, context, language="ja", rules=RULES["inbox"], turn=0)
    assert reply.text.endswith(
        "\n画像1：強い兆候、動画2：わずかな兆候。簡単な確認のみのため、弱い手がかりです。"
    )


def test_german_writes_the_first_letter_of_a_list_as_it_is() -> None:
    media = (MediumResult(Kind.IMAGE, Band.TRUSTED), MediumResult(Kind.AUDIO, Band.LOW))
    reply = compose(ReplyKind.VERDICT, Context(media), language="de", rules=RULES["inbox"], turn=0)
    assert reply.text.endswith("\nBild 1: vertrauenswürdige Herkunft; Aufnahme 2: kaum Anzeichen.")
    assert " einer dieser 2 Dateien" in reply.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_link_stands_on_a_line_of_its_own(language: str) -> None:
    linked = [(context, text) for _, context, text in rendered(language, "inbox") if context.link]
    assert linked
    assert all(text.endswith(f"\n{LINK}") for _, text in linked)
