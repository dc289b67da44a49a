from __future__ import annotations

import pytest

from bot.errors import ResolveFailure as Why
from bot.resolver.base import MediumRef
from tests.bot.resolver.sites.replaying import KEYS, Replayed, replay

WATCH = "https://www.facebook.com/watch/?v=7058523417565227"
PAID = {"vetric_facebook_token": KEYS["vetric_facebook_token"]}


def by_vetric(case: str) -> Replayed:
    return replay(f"facebook/vetric_{case}", keys=PAID, order={"facebook": ("vetric",)})


def test_a_video_is_the_one_with_the_links_id_at_its_best() -> None:
    seen = replay("facebook/video")
    assert seen.media == (
        MediumRef(
            "https://video.example/fb_hd.mp4?a=1", "video", "video/mp4", duration=61.5,
            thumbnail="https://scontent.example/fb_still.jpg",
        ),
    )  # fmt: skip
    assert seen.found is not None
    assert (seen.found.canonical_url, seen.found.route) == (WATCH, "page")


def test_a_reel_is_read_as_the_video_that_it_is() -> None:
    assert replay("facebook/reel").urls == ["https://video.example/p_hd.mp4"]


def test_photos() -> None:
    (photo,) = replay("facebook/photo").media
    assert photo == MediumRef(
        "https://scontent.example/fb_photo.jpg?stp=made", "image", None, "A lamp", 1440, 960
    )
    assert replay("facebook/post_with_photos").urls == [
        "https://scontent.example/p1.jpg",
        "https://scontent.example/p2.jpg",
    ]


def test_the_frame_for_embedding_is_the_second_way_to_a_video() -> None:
    seen = replay("facebook/frame")
    assert seen.tried == ("page:login_needed", "embed:media")
    assert seen.urls == ["https://video.example/frame_hd.mp4?x=1&y=2"]


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("login", Why.LOGIN_NEEDED), ("login_redirect", Why.LOGIN_NEEDED), ("gone", Why.GONE),
        ("share_link_login", Why.LOGIN_NEEDED), ("page_of_somebody", Why.NO_MEDIA),
    ],
)  # fmt: skip
def test_what_visitors_do_not_see_has_its_reason(case: str, why: Why) -> None:
    assert replay(f"facebook/{case}").reason is why


def test_yt_dlp_and_short_links() -> None:
    assert replay("facebook/yt_dlp").tried[-1] == "yt_dlp:media"
    assert replay("facebook/short_link").urls == ["https://video.example/fb_hd.mp4?a=1"]


def test_the_paid_service() -> None:
    (video,) = by_vetric("video").media
    assert (video.url, video.bit_rate, video.duration) == ("https://video.example/z_hd.mp4", 1_500_000, 42.5)
    (photo,) = by_vetric("photo").media
    assert (photo.url, photo.width, photo.height) == ("https://scontent.example/z.jpg", 2048, 1365)
    assert by_vetric("story").urls == ["https://scontent.example/zs.jpg"]
    assert by_vetric("other_page").reason is Why.NO_MEDIA
