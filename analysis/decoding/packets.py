"""The packets of a video stream, read without decoding them.

They tell how many frames there really are, whatever the headers claim, where the key frames lie, and which
pictures no other one needs. Runs in the decoding child only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from av.container import InputContainer
from av.video.stream import VideoStream

from analysis.decoding.container import UNREADABLE
from analysis.decoding.references import Picture, picture_reader


@dataclass(frozen=True, slots=True)
class PacketIndex:
    """The readable packets of a video stream.

    ``count`` of them give a frame that is shown, ``present`` are there with those that an edit list hides.
    ``times`` are those of the shown frames in display order, ``keys`` the key frames', ``spare`` those of
    frames to which no other refers; times are None where some packet has none or two have the same: frames
    are then counted instead.
    """

    count: int
    present: int
    times: tuple[int, ...] | None
    keys: tuple[int, ...]
    spare: frozenset[int]

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


def read_index(container: InputContainer, stream: VideoStream) -> PacketIndex:
    """Read all packets of a stream; where the container breaks off, those up to there."""
    times: list[int | None] = []
    hidden: list[int | None] = []
    keys: list[int] = []
    pictures: list[tuple[int | None, Picture | None]] = []
    picture = picture_reader(stream.codec_context.name, stream.codec_context.extradata)
    try:
        for packet in container.demux(stream):
            if not packet.size:
                continue
            (hidden if packet.is_discard else times).append(packet.pts)
            if not packet.is_discard and packet.is_keyframe and packet.pts is not None:
                keys.append(packet.pts)
            if picture is not None:
                pictures.append((packet.pts, picture(bytes(packet))))
    except MemoryError:
        raise
    except UNREADABLE:
        pass  # the packets up to here are what there is
    present = len(times) + len(hidden)
    known = [time for time in times if time is not None]
    # AVI numbers packets as they lie, which need not be the order in which their pictures are shown.
    jumbled = picture is not None and container.format.name == "avi"
    if len(set(known)) < len(times) or not keys or jumbled:
        return PacketIndex(len(times), present, None, (), frozenset())
    spare = _spare(pictures) - set(hidden)
    return PacketIndex(len(times), present, tuple(sorted(known)), tuple(sorted(keys)), spare)


def _spare(pictures: Sequence[tuple[int | None, Picture | None]]) -> frozenset[int]:
    """The times of pictures to which none refers: those of a higher temporal layer might, so only the highest
    one counts.
    """
    top = max((picture.layer for _, picture in pictures if picture), default=0)
    return frozenset(
        time
        for time, picture in pictures
        if time is not None and picture and picture.layer == top and not picture.referred
    )
