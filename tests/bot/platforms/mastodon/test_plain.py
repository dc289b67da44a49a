"""The HTML of statuses as text, and how long a text is."""

from __future__ import annotations

import pytest

from bot.platforms.mastodon.length import status_length, text_rules
from bot.platforms.mastodon.plain import plain

LONG = "https://news.example/2026/11/a-very-long-address-that-nobody-reads?x=1&y=2"
SHORTENED = (
    f'<a href="{LONG.replace("&", "&amp;")}" target="_blank"><span class="invisible">https://</span>'
    '<span class="ellipsis">news.example/2026/11/a-very-lo</span>'
    '<span class="invisible">ng-address-that-nobody-reads?x=1&amp;y=2</span></a>'
)
MENTION = (
    '<span class="h-card"><a href="https://m.example/@bot" class="u-url mention">@<span>bot</span></a></span>'
)

TEXTS = {
    "": "",
    "<p>one</p><p>two</p>": "one\n\ntwo",
    "<p>one<br>two<br/>three</p>": "one\ntwo\nthree",
    f"<p>{MENTION} real?</p>": "@bot real?",
    f"<p>see {SHORTENED} there</p>": f"see {LONG} there",
    '<p><a href="https://m.example/tags/x" class="mention hashtag">#<span>x</span></a></p>': "#x",
    "<p>a &lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;</p>": "a <b> & \"c\" 'd'",
    '<p class="quote-inline">RE: <a href="https://m.example/@a/1">m.example</a></p><p>look</p>': "look",
    "<ul><li>one</li><li>two</li></ul><p>end</p>": "one\ntwo\n\nend",
    "<p>a</p><script>alert(1)</script><style>p{}</style>": "a",
    "plain text": "plain text",
    "<p>unclosed <b>bold": "unclosed bold",
    "</a></p></div>x<": "x<",
    '<a href="javascript:alert(1)">click</a>': "click",
    "<p>ab😀</p>": "ab😀",
}


@pytest.mark.parametrize(("html", "text"), TEXTS.items())
def test_html_as_text(html: str, text: str) -> None:
    assert plain(html).text == text


def test_links_are_whole_and_told_once() -> None:
    found = plain(f"<p>{MENTION} {SHORTENED} {SHORTENED} <a href='https://b.example/'>b</a></p>")
    assert found.links == (LONG, "https://b.example/")


LENGTHS = {
    "": 0,
    "abc": 3,
    "👨‍👩‍👧‍👦🇪🇸": 2,
    f"see {LONG}": 4 + 23,
    f"({LONG}).": 3 + 23,
    "http://a.example": 23,
    "example.com": 11,
    "http://localhost/x": 18,
    "@ann@far.example hello": 10,
    "@ann hello": 10,
    "mail me@far.example": 19,
    "https://a.example/x https://b.example/y": 47,
}


@pytest.mark.parametrize(("text", "length"), LENGTHS.items())
def test_lengths_are_mastodon_s(text: str, length: int) -> None:
    assert status_length(text, 23) == length


def test_a_text_fits_up_to_the_instance_s_limit() -> None:
    rules = text_rules(500, 23)
    assert rules.fits("x" * 473 + " https://a.example/" + "y" * 400 + " .")
    assert not rules.fits("x" * 501)
