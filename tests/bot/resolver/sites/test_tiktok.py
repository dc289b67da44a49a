from __future__ import annotations

import pytest

from bot.errors import ResolveFailure as Why
from bot.resolver.base import MediumRef, Resolution
from tests.bot.resolver.sites.replaying import POSTED, replay

NUMBER = "7348189445943807262"
PHOTOS = f"https://www.tiktok.com/@ada.lamps/photo/{NUMBER}"
QUERY = "?x-expires=1&x-signature=made"


def test_photos_come_from_the_page_for_embedding() -> None:
    media = tuple(
        MediumRef(f"https://p16.cdn.example/photo{number}.jpeg{QUERY}", "image", width=1080, height=1440)
        for number in (1, 2, 3, 4)
    )
    assert replay("tiktok/photos").found == Resolution(PHOTOS, media, "ada.lamps", POSTED, "tiktok", "embed")
    assert replay("tiktok/photos_nested").media == media[:2]


def test_photos_come_from_the_posts_page_else() -> None:
    seen = replay("tiktok/photos_from_page")
    assert seen.tried == ("embed:rate_limited", "page:media")
    assert seen.urls == ["https://p16.cdn.example/photo1.jpeg", "https://p16.cdn.example/photo2.jpeg"]
    assert (seen.media[0].width, seen.media[0].height) == (1080, 1440)


def test_a_video_is_left_to_yt_dlp_without_a_request() -> None:
    seen = replay("tiktok/video")
    assert (seen.tried[-1], seen.asked) == ("yt_dlp:media", ())
    (video,) = seen.media
    assert (video.kind, video.width, video.height, video.duration) == ("video", 1080, 1920, 111)


def test_a_slide_show_is_its_photos_not_its_sound() -> None:
    seen = replay("tiktok/photos_under_video_link")
    assert seen.tried[-1] == "yt_dlp:media"
    assert {medium.kind for medium in seen.media} == {"image"}


def test_short_links_are_followed() -> None:
    assert len(replay("tiktok/short_link").media) == 4
    assert replay("tiktok/short_link_to_video").media[0].kind == "video"
    assert replay("tiktok/short_link_gone").reason is Why.GONE


@pytest.mark.parametrize(
    ("case", "why", "page"),
    [
        ("private", Why.PRIVATE, "page:private"), ("deleted", Why.GONE, "page:gone"),
        ("region", Why.RATE_LIMITED, "page:region"), ("adults", Why.AGE_GATED, "page:age_gated"),
    ],
)  # fmt: skip
def test_what_is_not_shown_has_its_reason(case: str, why: Why, page: str) -> None:
    seen = replay(f"tiktok/{case}")
    assert page in seen.tried
    assert seen.reason is why


def test_a_live_stream_is_called_so() -> None:
    seen = replay("tiktok/live")
    assert (seen.reason, seen.asked) == (Why.LIVE_STREAM, ())


def test_the_service_of_somebody_else_is_asked_on_demand_only() -> None:
    order = {"tiktok": ("tikly",)}
    assert replay("tiktok/tikly", order=order).urls == [
        "https://p16.cdn.example/photo1.jpeg",
        "https://p16.cdn.example/photo2.jpeg",
    ]
    assert replay("tiktok/tikly_gone", order=order).reason is Why.GONE
    assert replay("tiktok/tikly_changed", order=order).reason is Why.SITE_CHANGED
    assert not any("tikly" in tried for tried in replay("tiktok/deleted").tried)
