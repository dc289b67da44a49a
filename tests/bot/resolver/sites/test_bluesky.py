from __future__ import annotations

import pytest

from bot.errors import ResolveFailure as Why
from bot.resolver.base import MediumRef, Resolution
from bot.resolver.reading.atproto import did_document_url, read_did_document
from bot.resolver.reading.payload import Payload
from tests.bot.resolver.conftest import reason
from tests.bot.resolver.sites.replaying import POSTED, replay

POST = "https://bsky.app/profile/lamplighter.example/post/3kabcdefgh22a"
DID = "did:plc:abcdefghijklmnopqrstuvwx"


def cid(number: int) -> str:
    return f"bafkreimadeup{number}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"


def blob(number: int, did: str = DID, host: str = "https://pds.example") -> str:
    return f"{host}/xrpc/com.atproto.sync.getBlob?did={did.replace(':', '%3A')}&cid={cid(number)}"


def test_pictures_come_as_uploaded_from_the_authors_server() -> None:
    seen = replay("bluesky/images")
    thumb = f"https://cdn.bsky.example/img/feed_thumbnail/plain/{DID}/{{}}@jpeg"
    first = MediumRef(
        blob(1),
        "image",
        "image/jpeg",
        "A lamp on a desk",
        1500,
        2000,
        size=345678,
        thumbnail=thumb.format(cid(1)),
    )
    second = MediumRef(
        blob(2), "image", "image/jpeg", None, 1500, 2000, size=345678, thumbnail=thumb.format(cid(2))
    )
    handle = "lamplighter.example"
    assert seen.found == Resolution(POST, (first, second), handle, POSTED, "bluesky", "originals")


def test_a_did_in_the_link_needs_no_handle_looked_up() -> None:
    assert replay("bluesky/by_did").urls == [blob(1), blob(2)]
    web = replay("bluesky/by_did_web")
    assert web.urls[0] == blob(1, "did:web:lamps.example", "https://pds.lamps.example")


def test_a_video_is_the_blob_not_the_playlist() -> None:
    (video,) = replay("bluesky/video").media
    assert (video.url, video.kind, video.mime) == (blob(3), "video", "video/mp4")
    assert (video.alt_text, video.width, video.height, video.size) == ("A lamp flickers", 720, 1280, 4567890)


def test_a_posts_own_media_come_before_those_that_it_quotes() -> None:
    quoted = "did:plc:qqqqqqqqqqqqqqqqqqqqqqqq"
    assert replay("bluesky/quote").urls == [blob(7, quoted, "https://pds.quoted.example")]
    assert replay("bluesky/quote_with_media").urls == [blob(1)]


def test_an_embedded_animation_of_another_site_is_the_medium() -> None:
    (animation,) = replay("bluesky/animation_elsewhere").media
    assert animation == MediumRef(
        "https://media.tenor.example/AAAA/lamp.gif?hh=200&ww=300", alt_text="A waving lamp"
    )


def test_blobs_of_the_first_form_are_read() -> None:
    (old,) = replay("bluesky/legacy_blob").media
    assert (old.url, old.mime) == (blob(1), "image/png")


def test_without_the_authors_server_the_copies_are_taken() -> None:
    seen = replay("bluesky/directory_down", order={"bluesky": ("originals", "copies")})
    assert seen.tried == ("originals:network", "copies:media")
    assert seen.urls[0] == f"https://cdn.bsky.example/img/feed_fullsize/plain/{DID}/{cid(1)}@jpeg"
    assert (seen.media[0].mime, seen.media[0].size) == (None, None)


def test_a_video_without_the_authors_server_is_left_to_yt_dlp() -> None:
    seen = replay("bluesky/video_directory_down")
    assert seen.tried == ("originals:network", "copies:site_changed", "yt_dlp:media")


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("deleted", Why.GONE), ("no_such_account", Why.GONE), ("text", Why.NO_MEDIA), ("link", Why.NO_MEDIA),
        ("quote_gone", Why.NO_MEDIA),
    ],
)  # fmt: skip
def test_posts_without_media_have_their_reason(case: str, why: Why) -> None:
    seen = replay(f"bluesky/{case}")
    assert (seen.reason, seen.tried) == (why, (f"originals:{why}",))
    assert ("another website" in str(seen.error)) is (case == "link")


@pytest.mark.parametrize(
    "service",
    [
        [],
        [{"id": "#other", "serviceEndpoint": "https://pds.example"}],
        [{"id": "#atproto_pds", "serviceEndpoint": "file:///etc/passwd"}],
        [{"id": "#atproto_pds", "serviceEndpoint": {"uri": "https://pds.example"}}],
        [{"id": "#atproto_pds", "serviceEndpoint": "https://pds.example/?x="}],
        "text", None, [None], [[]], 5,
    ],
)  # fmt: skip
def test_a_document_that_names_no_server_is_refused(service: object) -> None:
    document = Payload("Bluesky", {"id": DID, "service": service})
    assert reason(lambda: read_did_document(document, DID)) is Why.SITE_CHANGED


def test_a_document_of_another_account_is_refused() -> None:
    service = [{"id": "#atproto_pds", "serviceEndpoint": "https://pds.example"}]
    document = Payload("Bluesky", {"id": "did:plc:somebodyelse", "service": service})
    assert reason(lambda: read_did_document(document, DID)) is Why.SITE_CHANGED


def test_documents_stand_in_the_directory_or_on_the_host() -> None:
    assert did_document_url(DID) == f"https://plc.directory/{DID}"
    assert did_document_url("did:web:lamps.example") == "https://lamps.example/.well-known/did.json"
