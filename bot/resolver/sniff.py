"""What a file is, by how its bytes begin.

An own table of the media that the engine can judge. The libraries on offer were tried on real files: filetype
1.2 misses WebM, puremagic 1.30 takes HEIF for video, both miss bare MP3 and DASH's MP4, and both know many
formats that are no medium. Playlists and SVG are left out on purpose: they name other files.
"""

from __future__ import annotations

HEAD_BYTES = 4096
"""How much of a file `sniff` wants to see."""

UNKNOWN = "application/octet-stream"

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
    (b"\0\0\x01\0", "image/x-icon"),
    (b"\xff\x0a", "image/jxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"FLV\x01", "video/x-flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
    (b"\0\0\x01\xba", "video/mpeg"),
    (b"\0\0\x01\xb3", "video/mpeg"),
    (b"ID3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"#!AMR", "audio/amr"),
    (b"caff", "audio/x-caf"),
    (b"wvpk", "audio/x-wavpack"),
)
_RIFF = {b"WEBP": "image/webp", b"AVI ": "video/x-msvideo", b"WAVE": "audio/wav"}
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_AUDIO_BRANDS = frozenset({b"M4A ", b"M4B ", b"M4P "})
# Fragments of a stream, and files of old cameras, may begin without the `ftyp` box.
_BARE_BOXES = frozenset({b"styp", b"moov", b"moof", b"mdat", b"wide", b"sidx"})


def sniff(head: bytes) -> str | None:
    """The media type (`image/...`, `video/...`, `audio/...`) of bytes that begin so; None for anything else.

    ``head`` is the first `HEAD_BYTES` of the file, or all of it. A container says `video/...` even if it
    holds nothing but sound: only a decoder can tell.
    """
    container = _container(head)  # first: the size that begins an MP4 may read like another format's magic
    if container is not None:
        return container
    for magic, mime in _MAGIC:
        if head.startswith(magic):
            return mime
    return _bare_stream(head)


def describe(head: bytes) -> str:
    """In words, for the asker, what bytes that are no medium seem to be."""
    if not head:
        return "nothing at all"
    start = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "a web page"
    if b"\0" in head:
        return "data of an unknown kind"
    return "text"


def _container(head: bytes) -> str | None:
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in {b"AIFF", b"AIFC"}:
        return "audio/aiff"
    if head[:4] == b"OggS":
        return "video/ogg" if b"theora" in head else "audio/ogg"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    return "video/mp4" if head[4:8] in _BARE_BOXES else None


def _by_brand(head: bytes) -> str:
    """ISO base media (ISO/IEC 14496-12): the major brand decides, then the compatible ones."""
    size = min(int.from_bytes(head[:4], "big"), 512)
    major = head[8:12]
    brands = {major, *(head[at : at + 4] for at in range(16, size, 4))}
    if major == b"qt  ":
        return "video/quicktime"
    if major in _AUDIO_BRANDS:
        return "audio/mp4"
    if brands & _AVIF_BRANDS:
        return "image/avif"
    if major in _HEIF_BRANDS:
        return "image/heic"
    return "video/3gpp" if major[:3] in {b"3gp", b"3g2"} else "video/mp4"


def _bare_stream(head: bytes) -> str | None:
    """Formats without a magic number: several fields of the header have to fit."""
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0" and head[14:18] in _BMP_HEADERS:
        return "image/bmp"
    if len(head) > 188 * 2 and head[0] == head[188] == head[376] == 0x47:
        return "video/mp2t"
    if len(head) < 4 or head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0:
        return "audio/aac"
    layer, bit_rate, sample_rate = head[1] & 0x06, head[2] >> 4, (head[2] >> 2) & 0x03
    in_sync = head[1] & 0xE0 == 0xE0 and head[1] & 0x18 != 0x08
    if in_sync and layer in {0x02, 0x04} and 0 < bit_rate < 0xF and sample_rate != 0x3:  # layers III and II
        return "audio/mpeg"
    return None


_BMP_HEADERS = frozenset(size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124))
