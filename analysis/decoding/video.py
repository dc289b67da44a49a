"""Evenly spaced frames of a clip, its first ones, or key frames alone.

A first pass reads the packets without decoding them. Evenly spaced frames then take a seek where a key frame
on the way saves decoding, and leave out pictures to which no other refers: the frames are, to the last bit,
those of decoding everything, which are decord's as well. Where nothing can be left out decord comes first.
Runs in the decoding child only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from analysis.decoding import decord_frames
from analysis.decoding.container import UNREADABLE, open_container, readable_frames, video_stream
from analysis.decoding.packets import PacketIndex, read_index
from analysis.decoding.pictures import fitting_frames
from analysis.decoding.sampling import frame_indices
from analysis.decoding.store import FrameStore
from analysis.errors import MediumRefused, Refusal
from analysis.limits import Limits, Sampling
from analysis.model import Probe
from analysis.sniff import FileType

# Demuxers that seek by an index and so arrive at the key frame asked for; others may land behind it.
_SEEKING_DEMUXERS = {"mov", "matroska", "avi"}


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
    with _opened(path, file_type, limits) as (container, stream):
        index = read_index(container, stream)
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
        if not decord_frames.read(path, file_type, probe.codec, index.count, wanted, limits, store):
            store.clear()
            _chosen_read(path, file_type, index, wanted, limits, store)
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
    with _opened(path, file_type, limits) as (container, stream):
        for frame in readable_frames(container, stream, VideoFrame, only=times):
            if frame.pts in times and not frame.is_corrupt:
                store.append(_upright(frame, store.shape))
        store.seconds = index.when(sorted(times), stream)
    return store.count == kept


def is_turned(path: str, file_type: FileType, limits: Limits) -> bool:
    """Whether the stream's rotation, which only its frames tell, swaps width and height."""
    with _opened(path, file_type, limits) as (container, stream):
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


def _chosen_read(
    path: str,
    file_type: FileType,
    index: PacketIndex,
    wanted: Sequence[int],
    limits: Limits,
    store: FrameStore,
) -> None:
    with _opened(path, file_type, limits) as (container, stream):
        if index.times is None:
            chosen = _frames_by_count(container, stream, set(wanted))
        else:
            keys = index.keys if file_type.demuxer in _SEEKING_DEMUXERS else index.keys[:1]
            times = [index.times[number] for number in wanted]
            chosen = _frames_by_time(container, stream, times, keys, index.spare.difference(times))
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
    container: InputContainer,
    stream: VideoStream,
    wanted: Sequence[int],
    keys: Sequence[int],
    spare: Collection[int],
) -> Iterator[VideoFrame]:
    """Decode on to each wanted frame without the spare ones, and seek where a key frame saves decoding.

    Should a frame not come so, everything is decoded from one key frame further back on, for it and for all
    behind it: some encoders mark as key frames what becomes whole only later. Where that does not help, the
    stream is damaged, and the next frame stands for the wanted one.
    """
    back = 0
    frames = readable_frames(container, stream, VideoFrame, without=spare)
    now = keys[0]
    for target in wanted:
        place = bisect_right(keys, target) - 1
        if (key := keys[max(0, place - back)]) > now:
            frames = _frames_from(container, stream, key, spare)
        elif target <= now and target != wanted[0]:
            continue  # the wanted frame could not be decoded, and a later one is already out
        frame = _next_from(frames, target)
        if not back and (frame is None or frame.pts != target):
            back, spare = 1, ()
            frames = _frames_from(container, stream, keys[max(0, place - back)], spare)
            frame = _next_from(frames, target)
        if frame is None or frame.pts is None:
            return
        now = frame.pts
        yield frame


def _frames_from(
    container: InputContainer, stream: VideoStream, key: int, spare: Collection[int]
) -> Iterator[VideoFrame]:
    try:
        container.seek(key, stream=stream)
    except MemoryError:
        raise
    except UNREADABLE:
        return
    yield from readable_frames(container, stream, VideoFrame, without=spare)


def _next_from(frames: Iterator[VideoFrame], time: int) -> VideoFrame | None:
    return next((frame for frame in frames if frame.pts is not None and frame.pts >= time), None)


@contextmanager
def _opened(path: str, file_type: FileType, limits: Limits) -> Iterator[tuple[InputContainer, VideoStream]]:
    with open_container(path, file_type, limits) as container:
        stream = video_stream(container)
        assert stream is not None, "the probe found it"
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = limits.decode_threads
        yield container, stream


def _upright(frame: VideoFrame, shape: tuple[int, int] | None) -> NDArray[np.uint8]:
    """RGB, turned as the stream says, and of the first frame's size should the stream change it midway."""
    turns = round(frame.rotation / 90) % 4
    if shape is None:
        rgb = frame.to_ndarray(format="rgb24")
    else:
        height, width = shape if turns % 2 == 0 else shape[::-1]
        rgb = frame.to_ndarray(format="rgb24", width=width, height=height)
    return np.rot90(rgb, turns).astype(np.uint8, copy=False)
