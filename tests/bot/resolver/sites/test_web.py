"""Pages of nobody in particular, and links to files."""

from __future__ import annotations

import pytest

from bot.errors import ResolveFailure as Why
from bot.resolver.base import MediumRef
from bot.resolver.replay import Fixture
from tests.bot.resolver.sites.replaying import POSTED, replay, resolve

STORY = "https://news.example/story"


def test_the_pictures_of_open_graph() -> None:
    seen = replay("web/og_image")
    assert seen.tried == ("direct:unsupported_site", "page:media")
    assert seen.media == (
        MediumRef(
            "https://news.example/pictures/one.jpg?w=1&h=2", "image", None, "A lamp on a desk", 1200, 630
        ),
        MediumRef("https://news.example/pictures/two.jpg", "image"),
    )
    assert seen.found is not None
    assert (seen.found.canonical_url, seen.found.posted_at) == (STORY, POSTED)


def test_a_video_comes_before_its_still_and_players_are_no_files() -> None:
    (video,) = replay("web/og_video").media
    assert video == MediumRef("https://news.example/l.mp4", "video", "video/mp4", width=1280, height=720)


def test_linked_data() -> None:
    (video,) = replay("web/ld_video").media
    assert (video.url, video.width, video.height) == ("https://news.example/ld.mp4", 1280, 720)
    article = replay("web/ld_article")
    assert article.media == (
        MediumRef("https://news.example/16x9.jpg", "image"),
        MediumRef("https://news.example/4x3.jpg", "image", width=1200, height=900),
    )
    assert article.found is not None
    assert article.found.posted_at is not None
    assert article.found.posted_at.isoformat() == "2024-06-01T12:00:00+02:00"
    (picture,) = replay("web/ld_image").media
    assert (picture.url, picture.alt_text, picture.width) == ("https://news.example/full.png", "A lamp", 4000)


def test_broken_linked_data_is_passed_over() -> None:
    assert replay("web/ld_broken").urls == ["https://news.example/one.jpg"]


def test_the_still_of_a_video_that_cannot_be_had_is_not_taken_for_it() -> None:
    assert replay("web/player_goes_to_yt_dlp").tried[-1] == "yt_dlp:media"
    seen = replay("web/player_alone")
    assert seen.reason is Why.UNSUPPORTED


def test_files_and_pages_without_media() -> None:
    seen = replay("web/direct")
    assert seen.media == (MediumRef("https://cdn.example/a?sig=1", "image", "image/webp"),)
    assert replay("web/bare").reason is Why.UNSUPPORTED
    assert replay("web/document").reason is Why.UNSUPPORTED
    assert replay("web/gone").reason is Why.GONE
    assert replay("web/login").reason is Why.LOGIN_NEEDED


def test_a_short_link_leads_to_the_site_that_knows_what_is_there() -> None:
    seen = replay("web/short_link_to_a_site")
    assert seen.found is not None
    assert (seen.found.site, seen.urls) == ("mastodon", ["https://files.lamps.example/a.jpg"])


@pytest.mark.parametrize("page", ["https://x.com/lamplighter", "https://www.tiktok.com/@ada.lamps"])
def test_profiles_of_known_sites_are_not_read_as_pages(page: str) -> None:
    seen = resolve(Fixture({"url": page, "extractor": []}), order={"x": ("embed",), "tiktok": ("embed",)})
    assert (seen.reason, seen.asked) == (Why.NO_MEDIA, ())


def test_links_that_only_lead_on_are_followed_once() -> None:
    seen = replay("tiktok/short_link_to_video")
    assert seen.tried[-1] == "redirect:media"
    assert seen.tried.count("redirect:media") == 1
    gone = replay("tiktok/short_link_gone")
    assert (gone.reason, gone.tried) == (Why.GONE, ("redirect:gone",))


HTML = {"content-type": "text/html"}
WATCH = "https://www.youtube.com/watch?v=0xWyP1UxOR8"


@pytest.mark.parametrize("start", ["https://www.youtube.com/watch.mp4", "https://short.example/x.mp4"])
def test_a_site_that_is_off_is_not_read_by_a_back_door(start: str) -> None:
    leads = {"status": 302, "headers": {"location": WATCH}}
    video = {"text": '<meta property="og:image" content="/cover.jpg">', "headers": HTML}
    asked = Fixture(
        {
            "url": start,
            "exchanges": [{"url": start, **leads}, {"url": WATCH, **video}],
            "extractor": [{"url": start, "info": {"id": "x", "formats": []}}],
        }
    )
    seen = resolve(asked)
    assert seen.reason is Why.UNSUPPORTED
    assert "yt_dlp:unsupported_site" in seen.tried
