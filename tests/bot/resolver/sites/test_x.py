from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.errors import ResolveFailure as Why
from bot.resolver.base import MediumRef, Resolution
from bot.resolver.limits import FetchLimits
from bot.resolver.replay import Fixture
from bot.resolver.sites.x import embed_token
from tests.bot.resolver.sites.replaying import FIXTURES, KEYS, POSTED, replay, resolve

POST = "https://x.com/lamplighter/status/1697322795510759929"
TOKEN = {"x_bearer_token": KEYS["x_bearer_token"]}


def photo(number: int, alt_text: str | None = None) -> MediumRef:
    return MediumRef(
        f"https://pbs.twimg.com/media/Made{number}.jpg?name=orig", "image", None, alt_text, 1600, 1200
    )


def test_photos_come_as_uploaded_and_in_the_posts_order() -> None:
    seen = replay("x/api_photos", keys=TOKEN)
    media = photo(1, "A lamp on a desk"), photo(2), photo(3)
    assert seen.found == Resolution(POST, media, "lamplighter", POSTED, "x", "api")


def test_of_a_videos_variants_the_best_file_is_taken() -> None:
    (video,) = replay("x/api_video", keys=TOKEN).media
    assert video.url.endswith("/1280x720/large.mp4")
    assert (video.mime, video.bit_rate, video.duration) == ("video/mp4", 2_176_000, 12.345)
    assert (video.width, video.height) == (1280, 720)
    assert video.thumbnail == "https://pbs.twimg.com/amplify_video_thumb/9/img/Still.jpg"


def test_of_a_videos_variants_the_best_that_fits_is_taken() -> None:
    fixture = Fixture.load(FIXTURES / "x/api_video.json")
    # 12.345 s at 832 kbit/s are 1.28 MB, at 2 176 kbit/s 3.36 MB.
    seen = resolve(fixture, keys=TOKEN, limits=FetchLimits(attempts=1, max_bytes=2_000_000))
    assert seen.urls == ["https://video.twimg.com/amplify_video/9/vid/640x360/middle.mp4"]
    fixture = Fixture.load(FIXTURES / "x/api_video.json")
    seen = resolve(fixture, keys=TOKEN, limits=FetchLimits(attempts=1, max_bytes=100_000))
    assert seen.reason is Why.TOO_LARGE


def test_an_animation_is_a_video_and_a_quotation_lends_its_media() -> None:
    (animation,) = replay("x/api_gif", keys=TOKEN).media
    assert (animation.url, animation.kind) == ("https://video.twimg.com/tweet_video/Seven.mp4", "video")
    assert replay("x/api_quoted", keys=TOKEN).media == (photo(7),)


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("api_deleted", Why.GONE), ("api_protected", Why.PRIVATE), ("api_suspended", Why.GONE),
        ("api_text_with_link", Why.NO_MEDIA), ("api_text_only", Why.NO_MEDIA),
    ],
)  # fmt: skip
def test_what_the_api_says_ends_the_search(case: str, why: Why) -> None:
    seen = replay(f"x/{case}", keys=TOKEN)
    assert (seen.reason, seen.tried) == (why, (f"api:{why}",))
    assert ("another website" in str(seen.error)) is (case == "api_text_with_link")


def test_without_a_token_the_embedded_post_is_read() -> None:
    seen = replay("x/embed_mixed")
    assert seen.tried == ("api:skipped", "embed:media")
    assert seen.found is not None
    assert (seen.found.canonical_url, seen.found.author, seen.found.posted_at) == (
        POST, "lamplighter", POSTED,
    )  # fmt: skip
    picture, video = seen.media
    assert picture == photo(1)
    assert (video.url, video.width, video.height, video.duration) == (
        "https://video.twimg.com/ext_tw_video/9/pu/vid/720x1280/l.mp4", 720, 1280, 9.0,
    )  # fmt: skip
    assert replay("x/embed_quoted").media == (photo(7),)


@pytest.mark.parametrize("case", ["api_refuses_token", "api_spent"])
def test_a_token_that_is_refused_leaves_the_word_to_the_embedded_post(case: str) -> None:
    seen = replay(f"x/{case}", keys=TOKEN)
    assert seen.media == (photo(1),)
    assert seen.tried[1] == "embed:media"


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("embed_age", Why.AGE_GATED), ("embed_protected", Why.PRIVATE), ("embed_account_gone", Why.GONE),
        ("embed_withheld", Why.REGION), ("embed_bare_tombstone", Why.LOGIN_NEEDED),
        ("embed_empty", Why.SITE_CHANGED), ("embed_deleted", Why.GONE), ("embed_text", Why.NO_MEDIA),
    ],
)  # fmt: skip
def test_what_the_embed_endpoint_does_not_show_may_still_be_had_by_yt_dlp(case: str, why: Why) -> None:
    content = Fixture.load(FIXTURES / f"x/{case}.json")
    seen = resolve(content, order={"x": ("embed",)})
    assert (seen.reason, seen.tried) == (why, (f"embed:{why}",))


def test_yt_dlp_is_asked_last() -> None:
    seen = replay("x/yt_dlp")
    assert seen.tried == ("api:skipped", "embed:login_needed", "yt_dlp:media")


def test_where_all_refuse_the_time_of_the_next_try_is_told() -> None:
    seen = replay("x/all_refuse", keys=TOKEN)
    assert seen.tried == ("api:rate_limited", "embed:rate_limited", "yt_dlp:rate_limited")
    assert seen.reason is Why.RATE_LIMITED
    assert seen.error is not None
    assert seen.error.retry_at is not None
    assert seen.error.retry_at > datetime.now(UTC)


@pytest.mark.parametrize(
    ("post_id", "token"), [("1697322795510759929", "444aooo9l2p"), ("20", "6dq1a2xwd93"), ("0", "")]
)
def test_the_token_is_that_of_xs_own_script(post_id: str, token: str) -> None:
    # The first was seen in the wild with its id.
    assert embed_token(post_id) == token
