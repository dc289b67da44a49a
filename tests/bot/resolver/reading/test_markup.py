from __future__ import annotations

import time

import pytest

from bot.resolver.reading import markup
from bot.resolver.reading.markup import read_page

PAGE = """<!DOCTYPE html><html><head>
<meta property="OG:Image" content=" https://h.example/a.jpg?x=1&amp;y=2 ">
<meta name="og:image" content="b.jpg">
<meta property="og:image" content=""><meta itemprop="datePublished" content="2024-06-01">
<script type="application/ld+json; charset=utf-8">{"a": "<b>&amp;</b>"}</script>
<script id="state">var x = "</div>";</script>
</head><body>
<a class="one two" style="width:1px; background-image:url('//cdn.example/p.jpg')" class="three">text</a>
after <i style="background-image: url(&quot;https://cdn.example/q.jpg&quot;)">more</i><br/><img src=x><p>open
</body></html>"""


def test_elements_come_flat_with_what_follows_them() -> None:
    page = read_page(PAGE, "https://h.example/story/")
    first = next(page.with_class("two"))
    assert (first.tag, first.text, first.classes) == ("a", "text", ["one", "two"])
    assert first.background == "https://cdn.example/p.jpg"
    assert next(page.tags("i")).background == "https://cdn.example/q.jpg"
    assert next(page.tags("p")).text == "open"
    assert next(page.tags("br")).background is None
    assert [each.tag for each in page.tags("br", "img", "p")] == ["br", "img", "p"]


def test_meta_by_any_of_its_names() -> None:
    page = read_page(PAGE, "https://h.example/story/")
    assert page.meta("og:image") == ["https://h.example/a.jpg?x=1&y=2", "b.jpg"]
    assert page.meta("datepublished") == ["2024-06-01"]
    assert page.meta("og:video") == []


def test_scripts_are_not_looked_into() -> None:
    page = read_page(PAGE, "https://h.example/story/")
    assert list(page.scripts("application/ld+json")) == ['{"a": "<b>&amp;</b>"}']
    assert list(page.scripts(identity="state")) == ['var x = "</div>";']
    assert len(list(page.scripts())) == 2


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("a.jpg", "https://h.example/story/a.jpg"), ("/a.jpg", "https://h.example/a.jpg"),
        ("//c.example/a", "https://c.example/a"), ("http://c.example/a", "http://c.example/a"),
        ("javascript:1", None), ("data:image/png,", None), ("http://[x", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_references_become_absolute(reference: str | None, url: str | None) -> None:
    assert read_page("", "https://h.example/story/").absolute(reference) == url


@pytest.mark.parametrize(
    "piece",
    [
        "<a b='c' ",
        "<",
        "<!--",
        "&amp",
        "<script>",
        "</",
        "<a>",
        "\0",
        "<a " + "b='",
        "<![CDATA[",
        "]]>",
        "é<p ",
    ],
)
def test_pages_that_are_made_to_be_slow_are_read_in_bounded_time(
    piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(markup, "_SECONDS", 0.3)
    began = time.monotonic()
    page = read_page(piece * (2_000_000 // len(piece)), "https://h.example/")
    assert len(page.elements) <= 220_000
    assert time.monotonic() - began < 10
