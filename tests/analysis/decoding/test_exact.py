"""What is left out while a clip is decoded changes no pixel of what is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.decoding.container import open_container, readable_frames, video_stream
from analysis.decoding.decoder import Decoder
from analysis.decoding.packets import PacketIndex, read_index
from analysis.decoding.references import Picture, picture_reader
from analysis.decoding.sampling import frame_indices
from analysis.limits import Limits, Sampling
from analysis.sniff import HEAD_BYTES, sniff
from tests.analysis.media import clip, photo

_PICTURE = np.asarray(photo(3))


def moving(number: int) -> NDArray[np.uint8]:
    """A picture that moves, with a little noise, so that frames refer to each other."""
    left, top = 3 * number % 120, 2 * number % 90
    noise = np.random.default_rng(number).integers(-6, 7, (96, 160, 3))
    return (_PICTURE[top : top + 96, left : left + 160] + noise).clip(0, 255).astype(np.uint8)


def made(path: Path, codec: str, options: dict[str, str], **more: Any) -> Path:
    return clip(path, codec, count=60, size=(160, 96), picture=moving, codec_options=options, **more)


def x264(parameters: str) -> dict[str, str]:
    return {"crf": "22", "x264-params": f"scenecut=0:threads=1:{parameters}"}


def x265(parameters: str) -> dict[str, str]:
    return {"crf": "24", "x265-params": f"log-level=none:scenecut=0:pools=1:frame-threads=1:{parameters}"}


H264 = x264("keyint=24:bframes=3:b-pyramid=normal")
VARIABLE = [*range(40), *range(60, 90, 3), *range(90, 100)]
CLIPS: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "pyramid.mp4": ("libx264", H264, {}),
    "pyramid.mkv": ("libx264", H264, {}),
    "pyramid.ts": ("libx264", H264, {}),
    "pyramid.flv": ("libx264", H264, {}),
    "open.mp4": ("libx264", x264("keyint=12:bframes=3:b-pyramid=normal:open-gop=1"), {}),
    "many_references.mp4": ("libx264", x264("keyint=250:bframes=7:ref=6:b-adapt=0"), {}),
    "interlaced.mp4": ("libx264", x264("keyint=24:bframes=3:tff=1"), {}),
    "intra_refresh.mp4": ("libx264", x264("keyint=24:bframes=2:intra-refresh=1"), {}),
    "variable.mp4": ("libx264", H264, {"times": VARIABLE}),
    "fragmented.mp4": ("libx264", H264, {"muxer_options": {"movflags": "frag_keyframe+empty_moov"}}),
    "hevc.mp4": ("libx265", x265("keyint=24:bframes=4:b-pyramid=1:open-gop=0"), {}),
    "hevc_open.mp4": ("libx265", x265("keyint=12:bframes=4:b-pyramid=1:open-gop=1"), {}),
    "hevc_open.ts": ("libx265", x265("keyint=12:bframes=4:open-gop=1"), {}),
    "hevc_layers.mkv": ("libx265", x265("keyint=24:bframes=4:temporal-layers=1:b-adapt=0"), {}),
    "mpeg4.mp4": ("mpeg4", {"qmin": "3", "qmax": "5", "bf": "2", "g": "12"}, {}),
    "alt_ref.webm": (
        "libvpx-vp9",
        {"crf": "30", "b": "0", "g": "30", "auto-alt-ref": "1", "lag-in-frames": "16", "cpu-used": "5"},
        {},
    ),
    "av1.mp4": ("libsvtav1", {"crf": "35", "preset": "12", "g": "24"}, {}),
}


def all_frames(path: Path) -> list[NDArray[np.uint8]]:
    """Everything decoded in one go."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "NONE"
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def index_of(path: Path) -> PacketIndex:
    file_type = sniff(path.read_bytes()[:HEAD_BYTES])
    with open_container(str(path), file_type, Limits()) as container:
        stream = video_stream(container)
        assert stream is not None
        return read_index(container, stream)


@pytest.fixture(scope="module")
def decoders() -> Iterator[dict[int, Decoder]]:
    found = {
        count: Decoder(Limits(sampling=Sampling.LINSPACE, frames_per_video=count)) for count in (1, 4, 15, 31)
    }
    yield found
    for decoder in found.values():
        decoder.close()


def compare(path: Path, decoders: dict[int, Decoder]) -> None:
    everything = all_frames(path)
    for count, decoder in decoders.items():
        got = decoder.decode(path, sound=False).frames
        assert got is not None
        chosen = frame_indices(len(everything), count, Sampling.LINSPACE)
        assert [np.array_equal(frame, everything[n]) for frame, n in zip(got, chosen, strict=True)] == [
            True
        ] * len(chosen)


@pytest.mark.parametrize("name", CLIPS)
def test_the_frames_are_those_of_decoding_everything(
    name: str, decoders: dict[int, Decoder], tmp_path: Path
) -> None:
    codec, options, more = CLIPS[name]
    path = made(tmp_path / name, codec, options, **more)
    assert (len(index_of(path).spare) >= 10) == codec.startswith("libx26")
    compare(path, decoders)


@pytest.mark.parametrize("name", ["pyramid.mp4", "hevc.mp4"])
def test_with_frames_that_an_edit_list_hides(name: str, decoders: dict[int, Decoder], tmp_path: Path) -> None:
    codec, options, _ = CLIPS[name]
    path = made(tmp_path / name, codec, options, times=[*range(-20, 40)])
    index = index_of(path)
    assert index.present > index.count
    compare(path, decoders)


@pytest.mark.parametrize("name", ["pyramid.mkv", "pyramid.ts", "hevc_open.ts"])
def test_what_is_there_of_a_truncated_file(name: str, decoders: dict[int, Decoder], tmp_path: Path) -> None:
    codec, options, more = CLIPS[name]
    path = made(tmp_path / name, codec, options, **more)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    shown = {frame.tobytes() for frame in all_frames(path)}
    for count in (4, 15):
        frames = decoders[count].decode(path, sound=False).frames
        assert frames is not None
        assert all(frame.tobytes() in shown for frame in frames)


def test_damaged_pictures_leave_the_others_as_they_are(decoders: dict[int, Decoder], tmp_path: Path) -> None:
    codec, options, more = CLIPS["pyramid.mkv"]
    path = made(tmp_path / "a.mkv", codec, options, **more)
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
        content = path.read_bytes()
    for packet in packets[20:30]:
        place = content.index(packet)
        content = content[:place] + packet[:4] + bytes(len(packet) - 4) + content[place + len(packet) :]
    path.write_bytes(content)
    frames = decoders[31].decode(path, sound=False).frames
    assert frames is not None
    assert 15 < len(frames) < 31
    shown = set()
    with open_container(str(path), sniff(content[:HEAD_BYTES]), Limits()) as container:
        stream = video_stream(container)
        assert stream is not None
        for frame in readable_frames(container, stream, av.VideoFrame):
            shown.add(frame.to_ndarray(format="rgb24").tobytes())
    assert all(frame.tobytes() in shown for frame in frames)


@pytest.mark.parametrize(("name", "rate"), [("jumbled.avi", 10), ("twice.mkv", 4000)])
def test_frames_without_times_of_their_own_are_counted(
    name: str, rate: int, decoders: dict[int, Decoder], tmp_path: Path
) -> None:
    path = made(tmp_path / name, "libx264", H264, rate=Fraction(rate))
    assert index_of(path).times is None
    compare(path, decoders)


def test_packets_tell_which_pictures_others_refer_to() -> None:
    avcc, hvcc = b"\1" + bytes(3) + b"\xff", b"\1" + bytes(20) + b"\xff"
    read = picture_reader("h264", avcc)
    assert read is not None
    delimiter, parameters = b"\0\0\0\2\x09\xf0", b"\0\0\0\2\x67\0"
    assert read(delimiter + b"\0\0\0\3\x01\0\0") == Picture(0, referred=False)
    assert read(delimiter + b"\0\0\0\3\x41\0\0") == Picture(0, referred=True)
    assert read(b"\0\0\0\3\x01\0\0\0\0\0\3\x41\0\0") == Picture(0, referred=True)
    assert read(parameters) is None
    read = picture_reader("h264", None)
    assert read is not None
    assert read(b"\0\0\0\1\x09\xf0\0\0\1\x01\x88") == Picture(0, referred=False)
    read = picture_reader("hevc", hvcc)
    assert read is not None
    assert read(b"\0\0\0\3\x00\x02\0") == Picture(2, referred=False)
    assert read(b"\0\0\0\3\x02\x01\0") == Picture(1, referred=True)
    assert read(b"\0\0\0\3\x26\x01\0") == Picture(1, referred=True)
    assert picture_reader("vp9", None) is None


@pytest.mark.parametrize(
    "packet", [b"", b"\0", b"\0\0\0", b"\0\0\0\0", b"\xff\xff\xff\xff\x01", bytes(9000), b"\0\0\1"]
)
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_packets_that_lie_hold_no_picture(codec: str, packet: bytes) -> None:
    for extradata in (None, b"\1" + bytes(3) + b"\xff" + bytes(16) + b"\xff"):
        read = picture_reader(codec, extradata)
        assert read is not None
        assert read(packet) in (None, Picture(0, referred=False))
