"""Videos encoded again: every frame through the steps of a delivery, then H.264 once; the sound is copied.

Unlike the engine's decoding this runs in the process itself: it is for labelled media of one's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from analysis.decoding.container import (
    UNREADABLE,
    audio_stream,
    open_container,
    readable_frames,
    video_stream,
)
from analysis.errors import MediumRefused
from analysis.evaluation.delivery import CentreCrop, Delivery, NotDelivered
from analysis.limits import Limits
from analysis.model import Kind
from analysis.sniff import HEAD_BYTES, FileType, sniff
from detectors.generation.base import Pixels
from detectors.generation.laundering.base import Step

CRF_ELSE = 15
"""Rate factor of a video whose delivery names none: close to invisible."""


def transcode(path: Path, target: Path, delivery: Delivery, limits: Limits) -> None:
    """Write a video as it is delivered, as Matroska; of several rate factors the last one counts.

    Raises:
        NotDelivered: it cannot be delivered so, or cannot be read.
    """
    changes = delivery.changes(Kind.VIDEO)
    crf = next((int(change.level) for change in reversed(changes) if change.way == "h264"), CRF_ELSE)
    steps: list[Step[Any]] = [CentreCrop(delivery.crop)] if delivery.crop else []
    steps += [change.step() for change in changes if change.way != "h264"]
    try:
        with path.open("rb") as file:
            file_type = sniff(file.read(HEAD_BYTES))
        if file_type.demuxer is None:
            raise NotDelivered("not_transcoded", f"{file_type.mime} is no video that can be encoded again")
        size = _size_after(path, file_type, steps, limits)
        with open_container(str(path), file_type, limits) as source:
            _encode(source, target, steps, size, crf)
    except (MediumRefused, *UNREADABLE) as error:
        raise NotDelivered("not_transcoded", f"cannot be encoded again ({error})") from error


def _size_after(path: Path, file_type: FileType, steps: list[Step[Any]], limits: Limits) -> tuple[int, int]:
    """Height and width of the frames as delivered, from the first one."""
    with open_container(str(path), file_type, limits) as container:
        stream = video_stream(container)
        if stream is not None:
            for frame in islice(readable_frames(container, stream, VideoFrame), 1):
                height, width = _changed(frame, steps).shape[:2]
                return height, width
    raise NotDelivered("not_transcoded", "no frame of it can be decoded")


def _changed(frame: VideoFrame, steps: list[Step[Any]]) -> Pixels:
    """An upright frame, after all steps, with even sides as the encoder needs them."""
    pixels: Pixels = np.ascontiguousarray(
        np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90) % 4)
    )
    for step in steps:
        pixels = step(pixels)
    return np.ascontiguousarray(pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2])


def _encode(
    source: InputContainer, target: Path, steps: list[Step[Any]], size: tuple[int, int], crf: int
) -> None:
    pictures, sound = video_stream(source), audio_stream(source)
    assert pictures is not None, "a frame of it was decoded"
    with av.open(str(target), "w", format="matroska") as copy:
        made: Any = copy.add_stream("libx264", rate=pictures.average_rate or 25)
        made.height, made.width, made.pix_fmt = *size, "yuv420p"
        made.codec_context.time_base = pictures.time_base
        made.options = {"crf": str(crf), "preset": "veryfast"}
        copied = copy.add_stream_from_template(sound) if sound is not None else None
        last = -1
        for piece in _pieces(source, pictures, sound):
            if isinstance(piece, Packet):
                piece.stream = copied
                copy.mux(piece)
                continue
            pixels = _changed(piece, steps)
            if pixels.shape[:2] != size:
                raise NotDelivered("not_transcoded", "its frames change their size")
            frame = VideoFrame.from_ndarray(pixels, format="rgb24")
            last = max(last + 1, piece.pts if piece.pts is not None else last + 1)
            frame.pts, frame.time_base = last, pictures.time_base
            copy.mux(made.encode(frame))
        copy.mux(made.encode(None))


def _pieces(source: InputContainer, pictures: VideoStream, sound: Any) -> Iterator[VideoFrame | Packet[Any]]:
    """Decoded frames, and packets of sound as they are; broken packets are passed over."""
    streams = [pictures] if sound is None else [pictures, sound]
    packets = source.demux(streams)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, *UNREADABLE):
            return
        if packet.stream is not pictures:
            if packet.dts is not None:
                yield packet
            continue
        try:
            yield from (frame for frame in packet.decode() if isinstance(frame, VideoFrame))
        except UNREADABLE:
            continue
