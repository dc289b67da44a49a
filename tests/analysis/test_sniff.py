"""Types come from bytes; what is no medium is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import MediumRefused, Refusal
from analysis.sniff import sniff

PLAYLISTS = [
    b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    b"\xef\xbb\xbf#EXTM3U\n",
    b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    b"file '/etc/passwd'\n",
    b"[playlist]\nFile1=http://192.0.2.1/\n",
    b"[Reference]\nRef1=http://192.0.2.1/\n",
    b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    b"<!-- hello -->\n<smil><body/></smil>",
    b"<ASX version='3.0'></ASX>",
    b"# VobSub index file, v7\n",
    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n",
    b"push graphic-context\nimage over 0,0 0,0 'https://example.com/x'\n",
    b"RTSPtextrtsp://192.0.2.1/x",
]


@pytest.mark.parametrize("head", PLAYLISTS)
def test_what_names_other_files_is_refused(head: bytes) -> None:
    with pytest.raises(MediumRefused) as caught:
        sniff(head)
    assert caught.value.reason is Refusal.NAMES_OTHER_FILES


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"", Refusal.EMPTY),
        (b"hello, I am no picture", Refusal.NOT_MEDIA),
        (b"<html><body>", Refusal.NOT_MEDIA),
        (b"WEBVTT\n\n", Refusal.NOT_MEDIA),
        (b"PK\x03\x04", Refusal.NOT_MEDIA),
        (b"%PDF-1.7", Refusal.NOT_MEDIA),
        (b"RIFF\0\0\0\0sfbk", Refusal.NOT_MEDIA),
        (b"\xff\xff\xff\xff", Refusal.NOT_MEDIA),
        (b"BPG\xfb", Refusal.UNSUPPORTED),
        (b"\0\0\0\x0cJXL \r\n\x87\n", Refusal.UNSUPPORTED),
        (b"8BPS\0\1", Refusal.UNSUPPORTED),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', Refusal.UNSUPPORTED),
    ],
)
def test_refusals(head: bytes, reason: Refusal) -> None:
    with pytest.raises(MediumRefused) as caught:
        sniff(head)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"\0\0\0\x1cftypavis\0\0\0\0avisavifmif1miaf", "image/avif"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "image/avif"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heif"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "video/quicktime"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "video/quicktime"),
        (b"\0\0\0\x14ftypM4A \0\0\0\0M4A ", "audio/mp4"),
        (b"\0\0\0\x14ftypisom\0\0\0\0isom", "video/mp4"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        ((b"\x47" + b"\0" * 187) * 3, "video/mp2t"),
        (b"FORM\0\0\0\0AIFFCOMM", "audio/aiff"),
    ],
)
def test_types_that_have_no_plain_signature(head: bytes, mime: str) -> None:
    assert sniff(head).mime == mime


@given(st.binary(max_size=600))
def test_any_bytes_get_a_type_or_a_refusal(head: bytes) -> None:
    try:
        found = sniff(head)
    except MediumRefused:
        return
    assert bool(found.pillow) != bool(found.demuxer)
