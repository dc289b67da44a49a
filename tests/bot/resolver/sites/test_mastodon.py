"""Mastodon, and Truth Social, which speaks as it does."""

from __future__ import annotations

import pytest

from bot.errors import ResolveFailure as Why
from bot.resolver.base import MediumRef, Resolution
from tests.bot.resolver.sites.replaying import POSTED, replay

FILE = "https://files.lamps.example/media/a.jpg"
PICTURE = MediumRef(
    FILE, "image", None, "A lamp on a desk", 1600, 1600, thumbnail="https://files.lamps.example/small/a.jpg"
)
POST = "https://lamps.example/@ada/111728190835688257"


@pytest.mark.parametrize("case", ["image", "users_form"])
def test_a_status_by_any_form_of_its_url(case: str) -> None:
    assert replay(f"mastodon/{case}").found == Resolution(POST, (PICTURE,), "ada", POSTED, "mastodon", "api")


def test_videos_animations_and_sounds() -> None:
    video, animation, sound = replay("mastodon/video_and_audio").media
    assert (video.kind, video.width, video.height) == ("video", 558, 338)
    assert (video.bit_rate, video.duration) == (1_362_766, 105.0)
    assert (animation.kind, animation.url) == ("video", "https://files.lamps.example/media/g.mp4")
    assert (sound.kind, sound.duration) == ("audio", None)


def test_the_origins_own_file_comes_before_a_copy() -> None:
    seen = replay("mastodon/copy_of_another_instance")
    assert seen.urls == [FILE]
    assert (seen.media[0].width, seen.media[0].height) == (3325, 2494)
    assert seen.found is not None
    assert seen.found.author == "ada@lamps.example"
    assert replay("mastodon/not_cached").urls == [FILE]


def test_a_boost_is_the_boosted_status_a_quotation_lends_its_media() -> None:
    boost, quote = replay("mastodon/boost").found, replay("mastodon/quote").found
    assert boost is not None
    assert quote is not None
    assert (boost.canonical_url, boost.author) == ("https://lamps.example/@ada/7", "ada")
    assert quote.canonical_url == POST
    assert boost.media == quote.media == (PICTURE,)


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("processing", Why.NETWORK), ("text", Why.NO_MEDIA), ("deleted", Why.GONE),
        ("login", Why.LOGIN_NEEDED), ("private", Why.PRIVATE), ("error_with_200", Why.GONE),
    ],
)  # fmt: skip
def test_what_has_no_media_has_its_reason(case: str, why: Why) -> None:
    seen = replay(f"mastodon/{case}")
    assert (seen.reason, seen.tried) == (why, (f"api:{why}",))


def test_media_that_are_being_worked_on_are_worth_another_try() -> None:
    error = replay("mastodon/processing").error
    assert error is not None
    assert error.passing


def test_a_host_that_is_no_instance_is_read_as_a_page() -> None:
    seen = replay("mastodon/not_mastodon")
    assert seen.tried == ("api:unsupported_site", "direct:unsupported_site", "page:media")
    assert seen.urls == ["https://blog.example/a.jpg"]


def test_a_post_of_truth_social() -> None:
    found = replay("truthsocial/image").found
    assert found is not None
    assert (found.canonical_url, found.author, found.site) == (
        "https://truthsocial.com/@lamplighter/113154381896339455", "lamplighter", "truthsocial",
    )  # fmt: skip
    assert (found.media[0].width, found.media[0].height) == (796, 782)
    assert replay("truthsocial/article").reason is Why.NO_MEDIA
    assert replay("truthsocial/deleted").reason is Why.GONE


def test_truth_socials_gate_is_a_refusal_for_now() -> None:
    seen = replay("truthsocial/challenge")
    assert seen.tried == ("api:rate_limited", "yt_dlp:rate_limited")
    assert seen.reason is Why.RATE_LIMITED
    assert replay("truthsocial/challenge_then_yt_dlp").tried == ("api:rate_limited", "yt_dlp:media")
    assert replay("truthsocial/page_for_json").tried == ("api:site_changed", "yt_dlp:media")
