"""X's JSON, read into posts."""

from __future__ import annotations

from typing import Any

import pytest

from bot.platforms.base import Account, Attachment, Post
from bot.platforms.x.fields import Listing
from bot.platforms.x.posting import essence
from bot.platforms.x.reading import Reader

BOT = Account("1", "Veritag")


def tweet(**fields: Any) -> dict[str, Any]:
    return {
        "id": "100",
        "text": "hello",
        "author_id": "2",
        "created_at": "2026-03-02T10:00:00.000Z",
        "lang": "en",
    } | fields


def read(*tweets: dict[str, Any], **includes: Any) -> tuple[Post, ...]:
    users = [{"id": "1", "username": "Veritag"}, {"id": "2", "username": "ann"}]
    listing = Listing.model_validate({"data": tweets, "includes": {"users": users} | includes})
    return Reader(BOT).posts(listing)


def read_one(tweet: dict[str, Any], **includes: Any) -> Post:
    (post,) = read(tweet, **includes)
    return post


def reply_to(parent: dict[str, Any], text: str, **fields: Any) -> Post:
    led = [{"type": "replied_to", "id": parent["id"]}]
    return read_one(tweet(text=text, referenced_tweets=led, **fields), tweets=[parent])


BY_BOT = tweet(id="50", author_id="1", text="@ann We found little evidence.")
TAGS_BOT = tweet(id="50", author_id="3", text="@veritag what of this?")
TAGS_NOBODY = tweet(id="50", author_id="3", text="look at this")


@pytest.mark.parametrize(
    ("parent", "text", "shown_from", "addressed"),
    [
        (BY_BOT, "@Veritag thanks!", 9, False),
        (BY_BOT, "@Veritag thanks!", None, False),
        (BY_BOT, "@Veritag but @veritag is wrong", 9, True),
        (BY_BOT, "@Veritag and this one?", 0, True),
        (TAGS_BOT, "@cid @veritag I think so", 14, False),
        (TAGS_BOT, "@cid @veritag I think so", 5, True),
        (TAGS_BOT, "@cid @veritagger yes", None, False),
        (TAGS_NOBODY, "@cid @VERITAG real?", None, True),
        (TAGS_NOBODY, "@cid is it real, @veritag?", 5, True),
    ],
)
def test_only_who_wrote_the_handle_has_addressed_the_bot(
    parent: dict[str, Any], text: str, shown_from: int | None, addressed: bool
) -> None:
    shown = {} if shown_from is None else {"display_text_range": [shown_from, len(text)]}
    assert reply_to(parent, text, **shown).addressed is addressed


def test_a_mention_outside_of_a_thread_is_addressed() -> None:
    assert read_one(tweet(text="@veritag real?")).addressed
    lost_parent = tweet(text="@veritag real?", referenced_tweets=[{"type": "replied_to", "id": "7"}])
    assert read_one(lost_parent).addressed


def test_a_text_is_read_as_it_was_written() -> None:
    links = [
        {"url": "https://t.co/a", "expanded_url": "https://example.org/x?a=1&b=2"},
        {"url": "https://t.co/b", "expanded_url": "https://bit.ly/1", "unwound_url": "https://example.org/2"},
        {"url": "https://t.co/m", "expanded_url": "https://x.com/ann/status/100/photo/1", "media_key": "3_1"},
        {"url": "https://t.co/q", "expanded_url": "https://twitter.com/cid/status/60"},
    ]
    post = read_one(
        tweet(
            text="1 &lt; 2 &amp; https://t.co/a https://t.co/b https://t.co/q https://t.co/m",
            entities={"urls": links},
            referenced_tweets=[{"type": "quoted", "id": "60"}],
        )
    )
    assert post.text == (
        "1 < 2 & https://example.org/x?a=1&b=2 https://bit.ly/1 https://twitter.com/cid/status/60"
    )
    assert post.links == ("https://example.org/x?a=1&b=2", "https://example.org/2")
    assert (post.quoted_id, post.url) == ("60", "https://x.com/ann/status/100")


def test_a_long_post_is_read_to_its_end() -> None:
    note = {"text": "b" * 1000 + " https://t.co/n", "entities": {"urls": [
        {"url": "https://t.co/n", "expanded_url": "https://example.org/n"}]}}  # fmt: skip
    post = read_one(tweet(text="b" * 270 + "…", note_tweet=note))
    assert post.text == "b" * 1000 + " https://example.org/n"
    assert post.links == ("https://example.org/n",)


def test_media_are_taken_at_their_best() -> None:
    film = {"url": "https://video.twimg.com/a.m3u8", "content_type": "application/x-mpegURL"}
    mp4 = [
        {"url": f"https://video.twimg.com/{rate}.mp4", "content_type": "video/mp4", "bit_rate": rate}
        for rate in (832_000, 2_176_000, 256_000)
    ]
    media = [
        {
            "media_key": "3_1",
            "type": "photo",
            "url": "https://pbs.twimg.com/media/A.jpg",
            "alt_text": "a cat",
        },
        {
            "media_key": "7_2",
            "type": "video",
            "variants": [film, *mp4],
            "preview_image_url": "https://p/1.jpg",
        },
        {"media_key": "16_3", "type": "animated_gif", "preview_image_url": "https://p/2.jpg"},
        {"media_key": "3_4", "type": "photo"},
    ]
    keys = ["7_2", "3_1", "16_3", "3_4", "3_5"]
    post = read_one(tweet(attachments={"media_keys": keys}), media=media)
    assert post.attachments == (
        Attachment("https://video.twimg.com/2176000.mp4", "video/mp4"),
        Attachment("https://pbs.twimg.com/media/A.jpg?name=orig", alt_text="a cat"),
        Attachment("https://p/2.jpg"),
    )


def test_a_boost_leads_to_its_original() -> None:
    assert read_one(tweet(referenced_tweets=[{"type": "retweeted", "id": "9"}])).boosted_id == "9"


@pytest.mark.parametrize(("lang", "language"), [("pt", "pt"), ("und", None), ("qme", None), (None, None)])
def test_x_says_und_for_no_language(lang: str | None, language: str | None) -> None:
    assert read_one(tweet(lang=lang)).language == language


def test_an_account_that_x_leaves_out_is_known_by_its_id() -> None:
    assert read_one(tweet(author_id="77")).author == Account("77", "77")


@pytest.mark.parametrize(
    "odd", [{"id": "1"}, tweet(created_at="yesterday"), tweet(id=None), "text", None, tweet(entities=3)]
)
def test_a_post_that_cannot_be_read_spoils_no_page(odd: Any) -> None:
    assert [post.id for post in read(odd, tweet())] == ["100"]


def test_only_posts_that_came_whole_count_as_brought() -> None:
    whole = tweet(id="50")
    without_author, without_media = (
        tweet(id="51", author_id="9"),
        tweet(id="52", attachments={"media_keys": ["3_1"]}),
    )
    listing = Listing.model_validate(
        {
            "includes": {
                "users": [{"id": "2", "username": "a"}],
                "tweets": [whole, without_author, without_media],
            }
        }
    )
    assert [post.id for post in Reader(BOT).brought(listing)] == ["50"]


@pytest.mark.parametrize(
    "back",
    [
        "@ann @cid We found  little evidence &amp; more: https://t.co/x",
        "We found little evidence & more: https://example.org/v https://t.co/card",
        "@ann We found little evidence &amp; more:\nhttps://t.co/x",
    ],
)
def test_what_x_does_to_a_text_does_not_hide_it(back: str) -> None:
    assert essence(back) == essence("We found little evidence & more: https://example.org/v")
    assert essence(back) != essence("We found some evidence & more: https://example.org/v")


def test_a_right_to_left_reply_is_known_again_with_and_without_the_signs_that_order_it() -> None:
    sent = "\u200f\u2068@ann\u2069 نتيجة الفحص غير مؤكدة 👩\u200d🚒"
    for back in (sent, f"@ann {sent}", "@ann @ann نتيجة الفحص غير مؤكدة 👩\u200d🚒"):
        assert essence(back) == essence(sent)
    assert essence("@ann نتيجة أخرى") != essence(sent)
