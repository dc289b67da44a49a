from __future__ import annotations

import pytest

from bot.errors import ResolveFailure as Why
from bot.resolver.base import MediumRef, Resolution
from bot.resolver.replay import Fixture
from tests.bot.resolver.sites.replaying import FIXTURES, KEYS, POSTED, Replayed, replay, resolve

POST = "https://www.reddit.com/r/lamps/comments/1abc2d/a_lamp/"
APP = {name: KEYS[name] for name in ("reddit_client_id", "reddit_client_secret")}
STILL = "https://preview.redd.it/lamp1.jpeg?auto=webp&s=made"


def by_api(case: str) -> Replayed:
    return replay(f"reddit/{case}", keys=APP)


def test_a_picture() -> None:
    picture = MediumRef("https://i.redd.it/lamp1.jpeg", "image", width=1200, height=900)
    assert by_api("image").found == Resolution(POST, (picture,), "ada", POSTED, "reddit", "api")
    seen = replay("reddit/json")
    assert seen.tried == ("api:skipped", "json:media")
    assert seen.media == (picture,)


def test_a_gallery_comes_in_its_own_order_as_uploaded() -> None:
    animation, day, last = by_api("gallery").media
    assert (animation.url, animation.mime) == ("https://i.redd.it/ccc.gif", "image/gif")
    assert (day.url, day.alt_text, day.width, day.height) == (
        "https://i.redd.it/aaa.jpg", "The lamp by day", 1080, 1350,
    )  # fmt: skip
    assert (last.url, last.width, last.height) == ("https://i.redd.it/bbb.png", 640, 480)


def test_pictures_in_a_text_are_its_media_its_stickers_are_not() -> None:
    assert by_api("text_with_pictures").urls == ["https://i.redd.it/ddd.jpg"]


def test_items_that_failed_are_left_out_and_unfinished_ones_waited_for() -> None:
    assert by_api("gallery_with_failed_item").urls == [
        "https://i.redd.it/ccc.gif",
        "https://i.redd.it/bbb.png",
    ]
    seen = replay("reddit/gallery_processing", keys=APP, order={"reddit": ("api",)})
    assert seen.reason is Why.NETWORK


def test_a_videos_sound_is_carried_along() -> None:
    (video,) = by_api("video_with_separate_sound").media
    assert (video.url, video.mime) == ("https://v.redd.it/lampvideo/DASH_1080.mp4", "video/mp4")
    assert (video.width, video.height, video.bit_rate, video.duration) == (1080, 1920, 4_842_107, 89.5)
    assert video.thumbnail == STILL
    assert video.audio is not None
    assert video.audio.url == "https://v.redd.it/lampvideo/DASH_AUDIO_128.mp4"
    assert (video.audio.kind, video.audio.mime) == ("audio", "audio/mp4")


def test_manifests_of_the_older_form_have_kinds_in_their_ids() -> None:
    (video,) = by_api("video_old_manifest").media
    assert (video.url, video.mime) == ("https://v.redd.it/lampvideo/DASH_360", "video/mp4")
    assert video.audio is not None
    assert (video.audio.url, video.audio.mime) == ("https://v.redd.it/lampvideo/audio", "audio/mp4")


def test_without_its_manifest_a_video_has_its_picture() -> None:
    (video,) = by_api("video_without_manifest").media
    assert video.url == "https://v.redd.it/lampvideo/DASH_480.mp4?source=fallback"
    assert (video.width, video.height, video.bit_rate, video.duration) == (480, 854, 1_200_000, 89)
    assert video.audio is None


def test_a_crosspost_has_the_media_of_what_it_posts_again() -> None:
    seen = by_api("crosspost")
    assert seen.urls == ["https://i.redd.it/lamp9.png"]
    assert seen.found is not None
    assert seen.found.canonical_url == POST


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("link", Why.NO_MEDIA), ("text", Why.NO_MEDIA), ("removed", Why.GONE), ("no_such_post", Why.GONE),
    ],
)  # fmt: skip
def test_posts_without_media_have_their_reason(case: str, why: Why) -> None:
    seen = by_api(case)
    assert (seen.reason, seen.tried) == (why, (f"api:{why}",))
    assert ("give that link" in str(seen.error)) is (case == "link")


@pytest.mark.parametrize(
    ("case", "why", "tried"),
    [
        ("private", Why.PRIVATE, ("api:skipped", "json:private")),
        ("banned", Why.GONE, ("api:skipped", "json:gone")),
        ("quarantined", Why.LOGIN_NEEDED, ("api:skipped", "json:login_needed", "yt_dlp:login_needed")),
        ("rate_limited", Why.RATE_LIMITED, ("api:skipped", "json:rate_limited", "yt_dlp:rate_limited")),
    ],
)
def test_refusals_have_their_reason(case: str, why: Why, tried: tuple[str, ...]) -> None:
    seen = replay(f"reddit/{case}")
    assert (seen.reason, seen.tried) == (why, tried)


def test_a_video_that_is_being_worked_on_is_worth_another_try() -> None:
    seen = replay("reddit/video_processing", keys=APP, order={"reddit": ("api",)})
    assert seen.error is not None
    assert seen.error.passing


def test_a_token_that_ran_out_early_is_renewed_once() -> None:
    fixture = Fixture.load(FIXTURES / "reddit/token_revoked.json")
    assert resolve(fixture, keys=APP).urls == ["https://i.redd.it/lamp1.jpeg"]
    sent = [asked.headers.get("authorization") for asked in fixture.asked]
    assert sent[1::2] == ["Bearer old", "Bearer new"]
    assert sent[0] is not None
    assert sent[0].startswith("Basic ")
    assert fixture.asked[0].content == b"grant_type=client_credentials"


def test_keys_that_are_refused_leave_the_word_to_the_page() -> None:
    seen = by_api("keys_refused")
    assert seen.tried == ("api:login_needed", "json:media")


def test_short_links_are_followed() -> None:
    assert replay("reddit/share_link").urls == ["https://i.redd.it/lamp1.jpeg"]
    assert replay("reddit/video_link").urls == ["https://v.redd.it/lampvideo/DASH_1080.mp4"]
    assert replay("reddit/media_page").urls == ["https://i.redd.it/lamp1.jpeg"]
    assert replay("reddit/share_link_refused").reason is Why.LOGIN_NEEDED


def test_a_video_of_another_site_is_had_from_there() -> None:
    seen = replay("reddit/video_elsewhere")
    assert seen.urls == ["https://clips.example/1.mp4"]
    assert seen.found is not None
    assert seen.found.site == "web"


def test_a_page_that_blocks_us_is_no_private_post() -> None:
    assert replay("reddit/blocked_page").tried[1:] == ("json:login_needed", "yt_dlp:login_needed")
