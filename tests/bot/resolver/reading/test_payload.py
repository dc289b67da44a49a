from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.errors import ResolveFailure
from bot.resolver.reading.payload import Payload, absolute_url, iso_time, parse_json
from tests.bot.resolver.conftest import failure

CONTENT = {
    "post": {
        "text": "  words ", "empty": " ", "null": None, "count": "12", "size": 3.9, "flag": True, "none": 0,
        "negative": -1, "huge": 10**400, "url": "//cdn.example/a.jpg?x=1&amp;y=2", "page": "javascript:1",
        "list": [{"id": "a"}, {"id": "b"}], "map": {"k": {"id": "c"}}, "at": 1717243200,
        "iso": "2024-06-01T12:00:00Z", "far": 1e18, "width": 4, "height": "3",
    }
}  # fmt: skip
SITE = Payload("Lamps", CONTENT)


def test_what_must_be_there_is_named_with_its_place() -> None:
    error = failure(lambda: SITE.at("post").at("media", "url"))
    assert error.reason is ResolveFailure.SITE_CHANGED
    assert str(error) == "Lamps answers in a form not known here: no post.media.url"
    assert "no text as post.empty" in str(failure(lambda: SITE.text("post", "empty")))
    assert "no URL as post.page" in str(failure(lambda: SITE.url("post", "page")))
    assert "post.map is no list" in str(failure(lambda: SITE.must_have_items("post", "map")))
    assert "no post.list[].name" in str(failure(lambda: SITE.items("post", "list")[0].at("name")))


def test_values() -> None:
    post = SITE.at("post")
    assert (post.text("text"), post.maybe_text("empty"), post.maybe_text("count")) == ("words", None, "12")
    assert (post.maybe_text("size"), post.find("null"), post.find("text", "x")) == (None, None, None)
    assert (post.maybe_whole("count"), post.maybe_whole("size"), post.maybe_whole("none")) == (12, 3, None)
    numbers = [post.maybe_number(key) for key in ("none", "negative", "huge", "flag", "list", "text")]
    assert numbers == [0, None, None, None, None, None]
    assert post.maybe_size() == (4, 3)
    assert (post.says_yes("flag"), post.says_no("flag"), post.says_yes("count")) == (True, False, False)
    assert post.url("url") == "https://cdn.example/a.jpg?x=1&y=2"
    assert [item.text("id") for item in post.items("list")] == ["a", "b"]
    assert [item.text("id") for item in post.items("map")] == ["c"]
    assert post.items("text") == post.items("nothing") == []


def test_moments_are_seconds_or_iso() -> None:
    post = SITE.at("post")
    noon = datetime(2024, 6, 1, 12, tzinfo=UTC)
    assert post.maybe_time("at") == post.maybe_time("iso") == noon
    assert [post.maybe_time(key) for key in ("far", "text", "null", "list")] == [None] * 4
    assert iso_time("2024-06-01T12:00:00") == noon
    assert iso_time("yesterday") is None


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://h.example/a b", "https://h.example/a b"), ("HTTP://h.example", "HTTP://h.example"),
        (" //h.example/a ", "https://h.example/a"), ("/a", None), ("data:image/png;base64,AA", None),
        ("file:///etc/passwd", None), ("", None), (None, None), ("httpsx://h", None),
    ],
)  # fmt: skip
def test_only_http_urls_are_urls(text: str | None, url: str | None) -> None:
    assert absolute_url(text) == url


def test_keys_are_found_wherever_they_stand_near_ones_first() -> None:
    content = {"a": [{"media": 1, "b": {"media": {"media": 2}}}], "media": 0}
    assert [each.value for each in Payload("Lamps", content).anywhere("media")] == [0, 1, {"media": 2}, 2]
    nested: Any = {"media": "deep"}
    for _ in range(100_000):
        nested = [nested]
    assert [each.value for each in Payload("Lamps", nested).anywhere("media")] == ["deep"]


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "nothing"])
def test_what_is_no_json_is_a_changed_site(text: str) -> None:
    assert failure(lambda: parse_json("Lamps", text)).reason is ResolveFailure.SITE_CHANGED
