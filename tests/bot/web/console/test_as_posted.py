"""Replies as they would look: each platform's own count, each language's own direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.platforms.base import TextRules
from bot.platforms.text import characters
from bot.replies import languages
from bot.web.console.as_posted import Preview, direction_of, known_platforms, preview, rules_of
from bot.web.console.pages import Pages
from tests.bot.web.console.conftest import Console
from tests.state.conftest import START

LINK = "https://example.org/a/very/long/address/of/a/page/about/something"


@pytest.mark.parametrize(
    ("platform", "text", "length", "limit"),
    [
        ("x", f"See {LINK}", 27, 280),
        ("x", "日本", 4, 280),
        ("bluesky", "日本", 2, 300),
        ("mastodon", "👩‍👩‍👧", 1, 500),
        ("inbox", "e\u0301", 1, 500),
    ],
)
def test_each_platform_counts_in_its_own_way(platform: str, text: str, length: int, limit: int) -> None:
    seen = preview(text, "en", platform, rules_of({}, platform))
    assert (seen.length, seen.limit, seen.fits) == (length, limit, True)


def test_a_platform_that_is_set_up_says_what_it_takes(console: Console) -> None:
    (inbox,) = console.parts.platforms
    inbox.text_rules = TextRules(7, characters)
    seen = preview("too long", "en", "inbox", rules_of({"inbox": inbox}, "inbox"))
    assert (seen.length, seen.limit, seen.fits) == (8, 7, False)
    assert known_platforms({"inbox": inbox}) == ["bluesky", "inbox", "mastodon", "x"]


@pytest.mark.parametrize("language", languages())
def test_a_language_is_written_its_own_way(language: str) -> None:
    assert direction_of(language, "whatever") == ("rtl" if language == "ar" else "ltr")


def test_a_language_without_a_file_goes_by_its_text() -> None:
    assert direction_of("he", "1. שלום") == "rtl"
    assert direction_of("xx", "1. hello") == "ltr"
    assert direction_of("xx", "…") == "ltr"


def test_nothing_of_the_text_is_lost() -> None:
    text = f"\u200f\u2068@asker\u2069 🟡 نص @you@social.example.\n{LINK}"
    seen = preview(text, "ar", "x", rules_of({}, "x"))
    assert "".join(piece.text for piece in seen.pieces) == text
    assert [piece.text for piece in seen.pieces if piece.marked] == ["@asker", "@you@social.example", LINK]


@pytest.fixture
def rendered() -> Callable[[Preview], str]:
    """What the pages' own template makes of a preview."""
    pages = Pages(test_mode=True, now=lambda: START)
    template: Any = pages._environment.get_template("_reply.html").module
    return lambda seen: str(template.reply_preview(seen))


def test_the_words_are_escaped_and_have_their_language(rendered: Callable[[Preview], str]) -> None:
    html = rendered(preview("<script>alert(1)</script>", "en", "x", rules_of({}, "x")))
    assert "<script>" not in html
    assert 'lang="en" dir="ltr"' in html
    assert "25 of 280, as X counts" in html
    assert "<img" not in html


def test_the_picture_has_its_place_and_its_words(rendered: Callable[[Preview], str]) -> None:
    seen = preview("a", "en", "x", rules_of({}, "x"), image="/card.png", image_alt_text='Signs "of" it')
    html = rendered(seen)
    assert 'src="/card.png"' in html
    assert 'alt="Signs &#34;of&#34; it"' in html


def test_what_does_not_fit_says_so(rendered: Callable[[Preview], str]) -> None:
    assert "It does not fit." in rendered(preview("a" * 281, "en", "x", rules_of({}, "x")))
