"""The small parts: what is shown of a URL, what statuses say, codings, limits, first bytes."""

from __future__ import annotations

import gzip
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ConfigError, ResolveFailure
from bot.resolver.answers import retry_at
from bot.resolver.decoding import STEP_BYTES, decoded
from bot.resolver.limits import FetchLimits
from bot.resolver.sniff import describe, sniff
from bot.resolver.urls import in_public, scheme
from tests.bot.resolver.conftest import reason

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None), ("", None), ("soon", None), ("-5", None), ("1.5", None), ("²", None), ("99 Foo", None),
        ("0", NOW), (" 60 ", NOW + timedelta(seconds=60)), ("9" * 5000, NOW + timedelta(days=1)),
        ("Thu, 01 Jan 2026 00:02:00 GMT", NOW + timedelta(minutes=2)),
        ("Thu, 01 Jan 2026 01:00:00 +0030", NOW + timedelta(minutes=30)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", NOW), ("Fri, 31 Dec 9999 23:59:59 GMT", NOW + timedelta(days=1)),
    ],
)  # fmt: skip
def test_retry_after(value: str | None, expected: datetime | None) -> None:
    assert retry_at(value, NOW) == expected


@given(st.text(max_size=40))
def test_retry_after_never_fails(value: str) -> None:
    moment = retry_at(value, NOW)
    assert moment is None or NOW <= moment <= NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pw@cdn.example:444/a/b.jpg?token=x#y", "https://cdn.example:444/a/b.jpg"),
        ("http://[::1", "(unreadable link)"),
        ("file:///home/me/x.jpg", "file:/home/me/x.jpg"),
        ("http://a.example/\r\nX: y\u202e", "http://a.example/X: y?"),
        ("http://a.example/" + "x" * 500, "http://a.example/" + "x" * 182 + "…"),
        ("", ""),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str) -> None:
    assert in_public(url) == shown


@given(st.text(max_size=60))
def test_whatever_is_shown_is_one_short_line(url: str) -> None:
    shown = in_public("https://a.example/" + url)
    assert shown.isprintable()
    assert len(shown) <= 200


def test_schemes() -> None:
    assert scheme("HTTPS://x") == "https"
    assert scheme("/a/b:c") is None
    assert scheme("file:/x") == "file"


def test_codings_are_undone_in_bounded_steps() -> None:
    body = bytes(1_000_000)
    for coding, packed in (
        ("gzip", gzip.compress(body)),
        (" X-GZIP", gzip.compress(body)),
        ("deflate", zlib.compress(body)),
    ):
        pieces = list(decoded(iter([packed[:10], packed[10:]]), coding))
        assert b"".join(pieces) == body
        assert max(map(len, pieces)) <= STEP_BYTES
    assert list(decoded(iter([b"as", b"is"]), "identity")) == [b"as", b"is"]
    assert reason(lambda: decoded(iter([]), "gzip, gzip")) is ResolveFailure.UNSUPPORTED
    assert reason(lambda: list(decoded(iter([]), "gzip"))) is ResolveFailure.NETWORK


@pytest.mark.parametrize(
    "wrong", [{"max_bytes": 0}, {"total_seconds": -1.0}, {"min_rate": float("nan")}, {"attempts": 0},
              {"max_redirects": -1}, {"ports": frozenset()}, {"ports": frozenset({70000})}],
)  # fmt: skip
def test_limits_that_would_switch_a_protection_off(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        FetchLimits(**wrong)  # type: ignore[arg-type]


def box(brand: bytes, *compatible: bytes) -> bytes:
    content = b"ftyp" + brand + bytes(4) + b"".join(compatible)
    return (len(content) + 4).to_bytes(4, "big") + content


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo"),
        (b"RIFF\0\0\0\0CDDA", None),
        (b"II*\0\x08", "image/tiff"),
        (b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "image/bmp"),
        (b"BMW is a car, not a picture", None),
        (box(b"isom", b"isom", b"mp41"), "video/mp4"),
        (box(b"iso6", b"dash"), "video/mp4"),
        (box(b"heic", b"mif1"), "image/heic"),
        (box(b"mif1", b"avif", b"mif1"), "image/avif"),
        (box(b"avis", b"avif"), "image/avif"),
        (box(b"qt  "), "video/quicktime"),
        (box(b"M4A "), "audio/mp4"),
        (box(b"3gp4"), "video/3gpp"),
        (box(b"isom", *[b"mp41"] * 60), "video/mp4"),
        (b"\0\0\0\x08wide", "video/mp4"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "video/webm"),
        (b"\x1aE\xdf\xa3" + bytes(9), "video/x-matroska"),
        (b"OggS" + bytes(24) + b"\x01vorbis", "audio/ogg"),
        (b"OggS" + bytes(24) + b"\x80theora", "video/ogg"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
        (b"\xff\xe3\x18\xc4", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"fLaC\0", "audio/flac"),
        (b"FORM\0\0\0\0AIFFCOMM", "audio/aiff"),
        ((b"G" + bytes(187)) * 3, "video/mp2t"),
        (b"GIFT", None),
        (b"\0\0\x01\xba\x44", "video/mpeg"),
        ("<p>".encode("utf-16"), None),
        ("abc".encode("utf-16"), None),
        (b"#EXTM3U\n", None),
        (b"<svg xmlns=", None),
        (b"", None),
        (b"\xff", None),
        (b"%PDF-1.7", None),
        (b"PK\x03\x04", None),
        (b"ffconcat version 1.0", None),
    ],
)
def test_the_first_bytes_decide(head: bytes, mime: str | None) -> None:
    assert sniff(head) == mime


@given(st.binary(max_size=64))
def test_first_bytes_never_fail(head: bytes) -> None:
    mime = sniff(head)
    assert mime is None or mime.partition("/")[0] in {"image", "video", "audio"}
    assert describe(head)


def test_pages_are_called_pages() -> None:
    assert describe(b"\xef\xbb\xbf\n <!DOCTYPE HTML>") == "a web page"
    assert describe(b"{}") == "text"
