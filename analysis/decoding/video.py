"""Evenly spaced frames of a clip, or its first ones: decord where it can be trusted, PyAV behind it.

A first pass reads the packets without decoding them: it knows how many frames there really are, whatever
the headers claim, and where the key frames lie. Both decoders then give the same pixels; decord is the
quicker one on ordinary MP4 and WebM, but cannot read truncated files, and can hang where the headers claim
too many frames (decord issue 373). Runs in the decoding child only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from analysis.decoding.container import UNREADABLE, open_container, readable_frames, video_stream
from analysis.decoding.pictures import fitting_frames
from analysis.decoding.sampling import frame_indices
from analysis.decoding.store import FrameStore
from analysis.errors import MediumRefused, Refusal
from analysis.limits import Limits, Sampling
from analysis.model import Probe
from analysis.sniff import FileType

try:
    import decord
except (ImportError, OSError):  # there is no build for this machine, or it lacks a library
    decord = None

_DECORD_CODECS = {"h264", "hevc", "vp8", "vp9", "mpeg4"}
# Demuxers that seek by an index and so arrive at the key frame asked for; others may land behind it.
_SEEKING_DEMUXERS = {"mov", "matroska", "avi"}


@dataclass(frozen=True, slots=True)
class PacketIndex:
    """The readable packets of a video stream.

    ``count`` of them give a frame that is shown, ``present`` are there with those that an edit list hides.
    ``times`` are those of the shown frames in display order, ``keys`` the key frames'; times are None where
    some packet has none or two have the same: frames are then counted instead.
    """

    count: int
    present: int
    times: tuple[int, ...] | None
    keys: tuple[int, ...]

    def seconds(self, stream: VideoStream) -> float | None:
        """The time from the first frame to the last."""
        if not self.times or stream.time_base is None:
            return None
        return float((self.times[-1] - self.times[0]) * stream.time_base)

    def when(self, times: Iterable[int], stream: VideoStream) -> tuple[float, ...]:
        """These times in seconds from the first frame; nothing where that is not known."""
        if not self.times or stream.time_base is None:
            return ()
        return tuple(round(float((time - self.times[0]) * stream.time_base), 3) for time in times)


def decode_video(
    path: str,
    file_type: FileType,
    probe: Probe,
    limits: Limits,
    store: FrameStore,
    *,
    in_a_row: bool = False,
) -> tuple[str, ...]:
    """Decode evenly spaced, upright frames of a clip, or its first ones, into the store; return notes.

    Raises:
        MediumRefused: CORRUPT (not one frame), TOO_LONG (whatever the headers claimed), TOO_MANY_PIXELS.
    """
    with open_container(path, file_type, limits) as container:
        stream = video_stream(container)
        assert stream is not None, "the probe found it"
        index = _index(container, stream)
        seconds = index.seconds(stream)
        if seconds is not None and seconds > limits.max_duration:
            raise MediumRefused(
                Refusal.TOO_LONG, f"the video lasts {seconds:.0f} s; the limit is {limits.max_duration:.0f} s"
            )
        missing = max(0, stream.frames - index.present)
        shown_at = index.when(index.times or (), stream)
    kept = fitting_frames(probe.width or 0, probe.height or 0, limits, in_a_row=in_a_row)
    if not in_a_row and _key_frames_read(path, file_type, index, kept, limits, store):
        wanted = list(range(kept))
    else:
        store.clear()
        wanted = _wanted(index, kept, limits, in_a_row=in_a_row)
        if not _decord_reads(path, file_type, probe, index.count, wanted, limits, store):
            store.clear()
            _pyav_reads(path, file_type, index, wanted, limits, store)
        if shown_at and store.count == len(wanted):
            store.seconds = tuple(shown_at[number] for number in wanted)
    if not store.count:
        raise MediumRefused(Refusal.CORRUPT, "no frame of the video can be decoded")
    large = not in_a_row and kept < limits.frames_per_video
    return tuple(_notes(index, missing, len(wanted), store.count, kept if large else None))


def _wanted(index: PacketIndex, kept: int, limits: Limits, *, in_a_row: bool) -> list[int]:
    if in_a_row:
        return list(range(min(index.count, kept)))
    return frame_indices(index.count, kept, limits.sampling)


def _key_frames_read(
    path: str, file_type: FileType, index: PacketIndex, kept: int, limits: Limits, store: FrameStore
) -> bool:
    """Decode key frames alone, if they are asked for and enough; whether all of them could be read."""
    if limits.sampling is not Sampling.KEYFRAMES or len(index.keys) < kept:
        return False
    chosen = frame_indices(len(index.keys), kept, Sampling.LINSPACE)
    times = {index.keys[number] for number in chosen}
    with open_container(path, file_type, limits) as container:
        stream = video_stream(container)
        assert stream is not None, "the probe found it"
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = limits.decode_threads
        for frame in readable_frames(container, stream, VideoFrame, only=times):
            if frame.pts in times and not frame.is_corrupt:
                store.append(_upright(frame, store.shape))
        store.seconds = index.when(sorted(times), stream)
    return store.count == kept


def is_turned(path: str, file_type: FileType, limits: Limits) -> bool:
    """Whether the stream's rotation, which only its frames tell, swaps width and height."""
    with open_container(path, file_type, limits) as container:
        stream = video_stream(container)
        assert stream is not None, "the probe found it"
        return any(
            round(frame.rotation / 90) % 2 == 1
            for frame in islice(readable_frames(container, stream, VideoFrame), 1)
        )


def _notes(index: PacketIndex, missing: int, wanted: int, got: int, fitting: int | None) -> Iterator[str]:
    if missing:
        yield f"truncated or damaged: {index.present} of {index.present + missing} frames are in the file"
    if got < wanted:
        yield f"truncated or damaged: {got} of {wanted} chosen frames could be read"
    if fitting is not None:
        yield f"very large frames: at most {fitting} of them are looked at"


def _index(container: InputContainer, stream: VideoStream) -> PacketIndex:
    present = 0
    times: list[int | None] = []
    keys: list[int] = []
    try:
        for packet in container.demux(stream):
            if not packet.size:
                continue
            present += 1
            if not packet.is_discard:
                times.append(packet.pts)
                if packet.is_keyframe and packet.pts is not None:
                    keys.append(packet.pts)
    except MemoryError:
        raise
    except UNREADABLE:
        pass  # the packets up to here are what there is
    known = [time for time in times if time is not None]
    if len(set(known)) < len(times) or not keys:
        return PacketIndex(len(times), present, None, ())
    return PacketIndex(len(times), present, tuple(sorted(known)), tuple(sorted(keys)))


def _decord_reads(
    path: str,
    file_type: FileType,
    probe: Probe,
    count: int,
    wanted: Sequence[int],
    limits: Limits,
    store: FrameStore,
) -> bool:
    """Whether decord could be given the file and read every wanted frame."""
    if decord is None or probe.codec not in _DECORD_CODECS or not _is_unmistakable(path, file_type):
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


def _pyav_reads(
    path: str,
    file_type: FileType,
    index: PacketIndex,
    wanted: Sequence[int],
    limits: Limits,
    store: FrameStore,
) -> None:
    with open_container(path, file_type, limits) as container:
        stream = video_stream(container)
        assert stream is not None, "the probe found it"
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = limits.decode_threads
        if index.times is None:
            chosen = _frames_by_count(container, stream, set(wanted))
        else:
            keys = index.keys if file_type.demuxer in _SEEKING_DEMUXERS else index.keys[:1]
            chosen = _frames_by_time(container, stream, [index.times[i] for i in wanted], keys)
        for frame in chosen:
            store.append(_upright(frame, store.shape))


def _frames_by_count(
    container: InputContainer, stream: VideoStream, wanted: set[int]
) -> Iterator[VideoFrame]:
    last = max(wanted, default=-1)
    for count, frame in enumerate(readable_frames(container, stream, VideoFrame)):
        if count in wanted:
            yield frame
        if count >= last:
            return


def _frames_by_time(
    container: InputContainer, stream: VideoStream, wanted: Sequence[int], keys: Sequence[int]
) -> Iterator[VideoFrame]:
    """Decode on to each wanted frame, and seek only where a key frame on the way saves decoding."""
    frames = readable_frames(container, stream, VideoFrame)
    now = keys[0]
    for target in wanted:
        key = keys[max(0, bisect_right(keys, target) - 1)]
        if key > now:
            try:
                container.seek(key, stream=stream)
            except MemoryError:
                raise
            except UNREADABLE:
                return
            frames = readable_frames(container, stream, VideoFrame)
        elif target <= now and target != wanted[0]:
            continue  # the wanted frame could not be decoded, and a later one is already out
        for frame in frames:
            if frame.pts is not None and frame.pts >= target:
                now = frame.pts
                yield frame
                break
        else:
            return


def _upright(frame: VideoFrame, shape: tuple[int, int] | None) -> NDArray[np.uint8]:
    """RGB, turned as the stream says, and of the first frame's size should the stream change it midway."""
    turns = round(frame.rotation / 90) % 4
    if shape is None:
        rgb = frame.to_ndarray(format="rgb24")
    else:
        height, width = shape if turns % 2 == 0 else shape[::-1]
        rgb = frame.to_ndarray(format="rgb24", width=width, height=height)
    return np.rot90(rgb, turns).astype(np.uint8, copy=False)
