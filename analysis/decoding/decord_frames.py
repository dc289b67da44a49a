"""Frames by decord, which reads WebM as ordinary players do. Runs in the decoding child only.

It cannot read truncated files, can hang where the headers claim too many frames (decord issue 373), and gives
wrong frames of MPEG-4 with B-frames behind a seek, so that it gets only what it is sure of. H.264 and HEVC
are not for it either: pictures that no other needs cannot be left out of its work.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis.decoding.store import FrameStore
from analysis.limits import Limits
from analysis.sniff import FileType

try:
    import decord
except (ImportError, OSError):  # there is no build for this machine, or it lacks a library
    decord = None

_CODECS = {"vp8", "vp9"}


def read(
    path: str,
    file_type: FileType,
    codec: str | None,
    count: int,
    wanted: Sequence[int],
    limits: Limits,
    store: FrameStore,
) -> bool:
    """Put the wanted frames into the store; whether the file is one for decord and all of them came.

    Args:
        count: of the frames whose packets are there; decord must see as many.
    """
    if decord is None or codec not in _CODECS or not _is_unmistakable(path, file_type):
        return False
    try:
        reader = decord.VideoReader(path, ctx=decord.cpu(0), num_threads=limits.decode_threads)
        if len(reader) != count:
            return False
        for index in wanted:
            store.append(reader[index].asnumpy())
    except (decord.DECORDError, RuntimeError, ValueError, IndexError):
        return False
    return True


def _is_unmistakable(path: str, file_type: FileType) -> bool:
    """Whether decord, which cannot be told the format, must come to the same one.

    These are the signatures to which libavformat gives its highest score; with a lesser one, text further on
    could make it a session description or a playlist.
    """
    with Path(path).open("rb") as file:
        head = file.read(64)
    if file_type.demuxer == "mov":
        return head[4:8] == b"ftyp"
    return file_type.demuxer == "matroska" and (b"webm" in head or b"matroska" in head)
