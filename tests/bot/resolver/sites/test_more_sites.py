"""Google Drive, BitChute, YouTube, Telegram."""

from __future__ import annotations

import pytest

from bot.errors import ResolveFailure as Why
from bot.resolver.base import MediumRef, Resolution
from tests.bot.resolver.sites.replaying import KEYS, POSTED, replay

GOOGLE = {"google_api_key": KEYS["google_api_key"]}
FILE = "1madeUpFileIdentity_0123456789"
BYTES = f"https://drive.usercontent.google.com/download?id={FILE}&export=download&confirm=t"
YOUTUBE = {"youtube": ("yt_dlp",)}


def test_a_file_on_google_drive_is_fetched_without_the_key_in_its_url() -> None:
    seen = replay("google_drive/image", keys=GOOGLE)
    picture = MediumRef(BYTES, "image", "image/jpeg", None, 1600, 1200, size=345678)
    canonical = f"https://drive.google.com/file/d/{FILE}/view"
    assert seen.found == Resolution(canonical, (picture,), site="google_drive", route="api")
    assert not any(KEYS["google_api_key"] in url for url in (*seen.asked, *seen.urls))
    (video,) = replay("google_drive/video", keys=GOOGLE).media
    assert (video.kind, video.width, video.duration, video.size) == ("video", 1280, 61.5, 4567890)


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("document", Why.NO_MEDIA), ("not_shared", Why.PRIVATE), ("folder", Why.NO_MEDIA),
        ("without_key_not_shared", Why.NO_MEDIA),
    ],
)  # fmt: skip
def test_files_that_cannot_be_had_have_their_reason(case: str, why: Why) -> None:
    seen = replay(f"google_drive/{case}", keys={} if case.startswith("without") else GOOGLE)
    assert seen.reason is why
    assert ("open to anyone" in str(seen.error)) is ("shared" in case)


@pytest.mark.parametrize("case", ["rate_limited", "key_refused", "without_key"])
def test_without_a_key_the_bytes_say_what_a_file_is(case: str) -> None:
    seen = replay(f"google_drive/{case}", keys={} if case.startswith("without") else GOOGLE)
    assert seen.tried[-1] == "download:media"
    assert seen.urls == [BYTES]


def test_a_video_of_bitchute() -> None:
    assert replay("bitchute/video").media == (
        MediumRef("https://seed305.cdn.example/made/hLTrv5iA1wYf.mp4", "video", "video/mp4"),
    )
    page = MediumRef(
        "https://seed305.cdn.example/made/page.mp4", "video", "video/mp4",
        thumbnail="https://static.cdn.example/cover.jpg",
    )  # fmt: skip
    assert replay("bitchute/page").media == (page,)
    assert replay("bitchute/playlist_only").tried == ("api:unsupported_site", "page:media")
    assert replay("bitchute/gone").reason is Why.GONE
    assert replay("bitchute/region").tried[0] == "api:region"


def test_youtube_is_off_and_says_why() -> None:
    seen = replay("youtube/video")
    assert (seen.reason, seen.tried) == (Why.UNSUPPORTED, ())
    assert "its terms forbid" in str(seen.error)
    (video,) = replay("youtube/video", order=YOUTUBE).media
    assert (video.width, video.height, video.duration) == (1920, 1080, 124)
    assert video.audio is not None
    assert video.audio.mime == "audio/webm"


@pytest.mark.parametrize(
    ("case", "why"),
    [("live", Why.LIVE_STREAM), ("unavailable", Why.GONE), ("adults", Why.AGE_GATED)],
)
def test_what_youtube_does_not_give_has_its_reason(case: str, why: Why) -> None:
    assert replay(f"youtube/{case}", order=YOUTUBE).reason is why


def test_a_photo_of_a_telegram_channel() -> None:
    photo = MediumRef("https://cdn.example/photo.jpg", "image")
    post = "https://t.me/lampnews/613"
    assert replay("telegram/photo").found == Resolution(
        post, (photo,), "lampnews", POSTED, "telegram", "embed"
    )
    seen = replay("telegram/preview")
    assert seen.tried == ("embed:gone", "preview:media")
    assert seen.media == (photo,)


def test_what_was_sent_together_comes_together_in_order() -> None:
    first, video, third = replay("telegram/group").media
    assert (first.url, third.url) == ("https://cdn.example/one.jpg", "https://cdn.example/three.jpg")
    assert video == MediumRef(
        "https://cdn.example/two.mp4?token=made", "video", duration=61.0,
        thumbnail="https://cdn.example/two_thumb.jpg",
    )  # fmt: skip
    assert replay("telegram/single").media == (video,)


def test_round_videos_and_voice_messages() -> None:
    video, voice = replay("telegram/round_and_voice").media
    assert (video.kind, video.url) == ("video", "https://cdn.example/round.mp4")
    assert (voice.kind, voice.url, voice.duration) == ("audio", "https://cdn.example/voice.ogg", 7.0)


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("text", Why.NO_MEDIA), ("document", Why.NO_MEDIA), ("too_big", Why.TOO_LARGE),
        ("app_only", Why.LOGIN_NEEDED), ("not_found", Why.GONE), ("no_channel", Why.GONE),
        ("not_shown", Why.LOGIN_NEEDED), ("private", Why.PRIVATE),
    ],
)  # fmt: skip
def test_telegram_posts_without_media_have_their_reason(case: str, why: Why) -> None:
    seen = replay(f"telegram/{case}")
    assert f"embed:{why}" in seen.tried
