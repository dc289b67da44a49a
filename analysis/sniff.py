"""What a file is, from its first bytes; its name is never looked at.

Only types on this list are ever given to a decoder, and each to exactly the decoder named here: nothing is
left to a library's own guessing, so no playlist, script or sub-format can smuggle in another reader.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from analysis.errors import MediumRefused, Refusal
from analysis.model import Kind

HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class FileType:
    """``mime`` and ``kind`` as far as the first bytes tell (a container may turn out to hold sound only).

    ``pillow`` names the Pillow plug-ins that may open it, ``demuxer`` the one libavformat demuxer; exactly
    one of the two is given.
    """

    mime: str
    kind: Kind
    pillow: tuple[str, ...] = ()
    demuxer: str | None = None


def _picture(mime: str, *pillow: str) -> FileType:
    return FileType(mime, Kind.IMAGE, pillow=pillow)


def _video(mime: str, demuxer: str) -> FileType:
    return FileType(mime, Kind.VIDEO, demuxer=demuxer)


def _audio(mime: str, demuxer: str) -> FileType:
    return FileType(mime, Kind.AUDIO, demuxer=demuxer)


_TIFF = _picture("image/tiff", "TIFF")
_AVIF = _picture("image/avif", "AVIF")
_HEIF = _picture("image/heif", "HEIF")
_MP4 = _video("video/mp4", "mov")
_MOV = _video("video/quicktime", "mov")
_MP3 = _audio("audio/mpeg", "mp3")

# (offset, bytes, type); the first that matches wins.
_MAGIC: tuple[tuple[int, bytes, FileType], ...] = (
    (0, b"\xff\xd8\xff", _picture("image/jpeg", "JPEG", "MPO")),
    (0, b"\x89PNG\r\n\x1a\n", _picture("image/png", "PNG")),
    (0, b"GIF87a", _picture("image/gif", "GIF")),
    (0, b"GIF89a", _picture("image/gif", "GIF")),
    (0, b"BM", _picture("image/bmp", "BMP")),
    (0, b"II*\0", _TIFF),
    (0, b"MM\0*", _TIFF),
    (0, b"\0\0\1\0", _picture("image/vnd.microsoft.icon", "ICO")),
    (0, b"\x1aE\xdf\xa3", _video("video/webm", "matroska")),
    (0, b"FLV\1", _video("video/x-flv", "flv")),
    (0, b"\0\0\1\xba", _video("video/mpeg", "mpeg")),
    (0, b"\0\0\1\xb3", _video("video/mpeg", "mpegvideo")),
    (0, b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\0\xaa\0b\xcel", _video("video/x-ms-asf", "asf")),
    (0, b"OggS", _video("video/ogg", "ogg")),
    (0, b"fLaC", _audio("audio/flac", "flac")),
    (0, b"ID3", _MP3),
    (0, b"#!AMR", _audio("audio/amr", "amr")),
    (0, b"caff", _audio("audio/x-caf", "caf")),
)
_RIFF = {
    b"WEBP": _picture("image/webp", "WEBP"),
    b"AVI ": _video("video/x-msvideo", "avi"),
    b"WAVE": _audio("audio/wav", "wav"),
}
_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
_QUICKTIME_ATOMS = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}

# Real media that are not judged: the answer "unsupported" is more useful than "not media".
_UNSUPPORTED: tuple[tuple[bytes, str], ...] = (
    (b"BPG\xfb", "BPG picture"),
    (b"\xff\x0a", "JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "JPEG XL picture"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "JPEG 2000 picture"),
    (b"8BPS", "Photoshop document"),
    (b"\x76\x2f\x31\x01", "OpenEXR picture"),
    (b"gimp xcf", "GIMP document"),
    (b"MThd", "MIDI file"),
    (b".RMF", "RealMedia file"),
    (b"FWS", "Flash film"),
    (b"CWS", "Flash film"),
    (b"qoif", "QOI picture"),
)
_NAMES_FILES = re.compile(
    rb"""\A(?: \#EXTM3U | ffconcat\s | \[playlist\] | \[Reference\] | \[InternetShortcut\] | <asx | <smil
    | RTSPtext | rtsptext | SMILtext | \#\ VobSub\ index | v=0\s+o= | push\ graphic-context
    | file\s+['"/]
    | (?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?<(?:MPD|asx|smil|SmoothStreamingMedia|playlist)\b )""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_SVG = re.compile(rb"<svg[\s>]", re.IGNORECASE)


def sniff(head: bytes) -> FileType:
    """Name the type of a file from its first `HEAD_BYTES` bytes.

    Raises:
        MediumRefused: EMPTY, NAMES_OTHER_FILES (playlists and the like), UNSUPPORTED, NOT_MEDIA.
    """
    if not head:
        raise MediumRefused(Refusal.EMPTY, "the file is empty")
    for offset, magic, file_type in _MAGIC:
        if head.startswith(magic, offset):
            return _webm_or_matroska(head) if file_type.demuxer == "matroska" else file_type
    found = _riff_or_iff(head) or _iso_media(head) or _mpeg_stream(head)
    if found is not None:
        return found
    raise _refusal(head)


def _webm_or_matroska(head: bytes) -> FileType:
    return _video("video/webm" if b"webm" in head[:64] else "video/x-matroska", "matroska")


def _riff_or_iff(head: bytes) -> FileType | None:
    if head[:4] in {b"RIFF", b"RF64"}:
        return _RIFF.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in {b"AIFF", b"AIFC"}:
        return _audio("audio/aiff", "aiff")
    return None


def _iso_media(head: bytes) -> FileType | None:
    """MP4 and its family; HEIF and AVIF share the box layout and are told apart by their brands."""
    if head[4:8] in _QUICKTIME_ATOMS:
        return _MOV
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4], "big"), len(head))
    major = head[8:12]
    brands = {major, *(head[at : at + 4] for at in range(16, end - 3, 4))}
    if brands & {b"avif", b"avis"}:
        return _AVIF
    if major in _HEIF_BRANDS:
        return _HEIF
    if major == b"qt  ":
        return _MOV
    return _audio("audio/mp4", "mov") if major in {b"M4A ", b"M4B "} else _MP4


def _mpeg_stream(head: bytes) -> FileType | None:
    """Streams that have a sync byte instead of a signature: ask for it more than once where possible."""
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        return _video("video/mp2t", "mpegts")
    if len(head) > 388 and head[4] == head[196] == head[388] == 0x47:
        return _video("video/mp2t", "mpegts")
    if len(head) < 4 or head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0:  # ADTS: 12 sync bits, layer 0
        return _audio("audio/aac", "aac")
    layer, rate, frequency = head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    if head[1] & 0xE0 == 0xE0 and layer in {1, 2, 3} and rate not in {0, 15} and frequency != 3:
        return _MP3
    return None


def _refusal(head: bytes) -> MediumRefused:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _NAMES_FILES.match(text):
        return MediumRefused(Refusal.NAMES_OTHER_FILES, "the file is a playlist that names other files")
    for magic, what in _UNSUPPORTED:
        if head.startswith(magic):
            return MediumRefused(Refusal.UNSUPPORTED, f"a {what} cannot be judged")
    if text.startswith(b"<") and _SVG.search(text):
        return MediumRefused(Refusal.UNSUPPORTED, "an SVG drawing cannot be judged")
    return MediumRefused(Refusal.NOT_MEDIA, "the file is not a picture, video or sound")
