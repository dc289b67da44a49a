"""The joining child: `python -m bot.resolver.merging_child PICTURES SOUND OUTPUT ...`, started by `merging`.

The first three arguments are inherited descriptors, the next two the demuxers, then bytes, seconds, parent.
"""

from __future__ import annotations

import heapq
import os
import resource
import sys
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from analysis.decoding import sandbox

_ADDRESS_SPACE = 2 << 30
_IN_MP4 = (
    frozenset({"h264", "hevc", "av1", "mpeg4", "vp9"}),
    frozenset({"aac", "mp3", "opus", "flac", "ac3"}),
)


def main(arguments: list[str]) -> None:
    """Join; the exit status says whether it worked."""
    pictures, sound, output = map(int, arguments[:3])
    max_bytes, seconds, parent = map(int, arguments[5:8])
    sandbox.isolate_network()
    sandbox.drop_privileges_for_good()
    sandbox.die_with_parent(parent)
    import av

    for kind, value in (
        (resource.RLIMIT_AS, _ADDRESS_SPACE),
        (resource.RLIMIT_FSIZE, max_bytes),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, seconds),
    ):
        resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))
    with (
        av.open(_opened(pictures, "rb"), format=arguments[3]) as video,
        av.open(_opened(sound, "rb"), format=arguments[4]) as audio,
    ):
        tracks = (video.streams.video[0], audio.streams.audio[0])
        names = [track.codec_context.name for track in tracks]
        fits = all(name in known for name, known in zip(names, _IN_MP4, strict=True))
        with av.open(_opened(output, "w+b"), "w", format="mp4" if fits else "matroska") as joined:
            copies = [joined.add_stream_from_template(track) for track in tracks]
            packets = [_packets(track, copy) for track, copy in zip(tracks, copies, strict=True)]
            for _, _, _, packet in heapq.merge(*packets):
                joined.mux(packet)


def _opened(descriptor: int, mode: str) -> Any:
    os.lseek(descriptor, 0, os.SEEK_SET)
    return os.fdopen(descriptor, mode)


def _packets(track: Any, copy: Any) -> Iterator[tuple[Fraction, int, int, Any]]:
    """The packets of a track, made over to its copy, each behind what puts both tracks in order of time."""
    for number, packet in enumerate(track.container.demux(track)):
        if packet.dts is None:  # the empty one at the end
            continue
        at = packet.dts * packet.time_base
        packet.stream = copy
        yield at, copy.index, number, packet


if __name__ == "__main__":
    main(sys.argv[1:])
