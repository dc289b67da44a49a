from __future__ import annotations

import pytest

from bot.errors import ResolveFailure as Why
from bot.resolver.base import MediumRef, Resolution
from tests.bot.resolver.sites.replaying import KEYS, POSTED, Replayed, replay

POST = "https://www.instagram.com/p/C4madeUp_01/"
PAID = {"vetric_instagram_token": KEYS["vetric_instagram_token"]}


def by_vetric(case: str) -> Replayed:
    return replay(f"instagram/vetric_{case}", keys=PAID, order={"instagram": ("vetric",)})


def test_a_picture_comes_at_its_widest() -> None:
    url = "https://scontent.example/a_1080.jpg?sig=made&x=1"
    picture = MediumRef(url, "image", None, "A lamp on a desk", 1080, 1350)
    assert replay("instagram/image").found == Resolution(
        POST, (picture,), "ada.lamps", POSTED, "instagram", "embed"
    )


def test_a_carousel_comes_in_order() -> None:
    video, second, third = replay("instagram/carousel").media
    assert (video.kind, video.url, video.duration) == ("video", "https://scontent.example/v.mp4", 9.5)
    assert (second.kind, second.width) == ("image", 1080)
    assert third.url == "https://scontent.example/d_1080.jpg"


def test_a_plain_page_has_a_picture_only_where_it_says_so() -> None:
    seen = replay("instagram/plain_image")
    assert seen.urls == ["https://scontent.example/plain.jpg?sig=made&y=2"]
    assert seen.found is not None
    assert seen.found.author == "ada.lamps"
    cover = replay("instagram/cover_is_not_taken")
    assert cover.tried == ("embed:login_needed", "page:site_changed", "yt_dlp:media")


def test_a_video_that_the_embed_withholds_comes_from_the_posts_page() -> None:
    seen = replay("instagram/reel_from_page")
    assert seen.tried == ("embed:login_needed", "page:media")
    (video,) = seen.media
    assert video == MediumRef(
        "https://scontent.example/r_l.mp4", "video", "video/mp4", None, 720, 1280, 21.4,
        thumbnail="https://scontent.example/r_1080.jpg",
    )  # fmt: skip
    assert replay("instagram/items_page").urls == ["https://scontent.example/w_1080.jpg"]


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("gone", Why.GONE), ("login_wall", Why.LOGIN_NEEDED), ("gated", Why.LOGIN_NEEDED),
        ("story", Why.LOGIN_NEEDED), ("profile", Why.NO_MEDIA),
    ],
)  # fmt: skip
def test_what_visitors_do_not_see_has_its_reason(case: str, why: Why) -> None:
    assert replay(f"instagram/{case}").reason is why


def test_the_still_of_oembed_is_the_last_resort() -> None:
    seen = replay("instagram/oembed_last")
    assert seen.tried[-2:] == ("vetric:skipped", "oembed:media")
    assert seen.media == (MediumRef("https://scontent.example/thumb.jpg", "image", width=640, height=800),)


def test_links_for_sharing_are_followed() -> None:
    assert replay("instagram/share_link").urls == ["https://scontent.example/a_1080.jpg?sig=made&x=1"]


def test_the_paid_service() -> None:
    video, picture = by_vetric("carousel").media
    assert (video.url, video.width) == ("https://scontent.example/x_l.mp4", 720)
    assert picture.url == "https://scontent.example/y_1080.jpg"
    assert by_vetric("private").reason is Why.PRIVATE
    assert by_vetric("empty").reason is Why.GONE
    assert by_vetric("key_refused").reason is Why.LOGIN_NEEDED
