"""Every container: the right frames, upright, whatever the headers claim."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.decoding.decoder import Decoder
from analysis.errors import MediumRefused, Refusal
from analysis.limits import Limits, Sampling
from analysis.model import Kind
from tests.analysis.media import STEP, clip, scene, sound, tone

Refused = Callable[[bytes | Path, Limits], MediumRefused]
VP9: dict[str, Any] = {"codec": "libvpx-vp9", "codec_options": {"crf": "10", "b": "0"}}

CLIPS: dict[str, dict[str, Any]] = {
    "h264.mp4": {},
    "h264.mov": {},
    "h264.mkv": {},
    "h264.flv": {},
    "h264.ts": {},
    "fragmented.mp4": {"muxer_options": {"movflags": "frag_keyframe+empty_moov"}},
    "hevc.mp4": {"codec": "libx265", "codec_options": {"crf": "10", "x265-params": "log-level=none"}},
    "vp9.webm": VP9,
    "av1.mp4": {"codec": "libsvtav1", "codec_options": {"crf": "10", "preset": "12"}},
    "mpeg4.avi": {"codec": "mpeg4"},
    "mpeg2.mpg": {"codec": "mpeg2video", "rate": Fraction(25)},
    "wmv2.wmv": {"codec": "wmv2"},
    "variable.mp4": {"times": [0, 1, 2, 10, 11, 30, *range(31, 44), 90]},
}


def levels(frames: Any) -> list[float]:
    return [float(frame.mean()) for frame in frames]


@pytest.mark.parametrize("name", CLIPS)
def test_every_container_gives_the_chosen_frames(name: str, decoder: Decoder, tmp_path: Path) -> None:
    medium = decoder.decode(clip(tmp_path / name, **CLIPS[name]))
    assert medium.probe.kind is Kind.VIDEO
    assert (medium.probe.width, medium.probe.height) == (64, 48)
    assert not medium.probe.has_audio
    assert medium.probe.notes == ()
    assert medium.frames is not None
    assert np.abs(np.array(levels(medium.frames)) - (16 + STEP * np.arange(15))).max() < 4


def test_both_ways_of_sampling(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", count=29)
    for sampling, indices in ((Sampling.PUBLISHED, range(15)), (Sampling.LINSPACE, range(0, 29, 2))):
        decoder = Decoder(Limits(sampling=sampling))
        frames = decoder.decode(path).frames
        decoder.close()
        assert frames is not None
        assert np.abs(np.array(levels(frames)) - (16 + STEP * np.array(indices))).max() < 4


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts"])
@pytest.mark.parametrize(("count", "indices"), [(29, range(0, 29, 7)), (13, range(0, 13, 3))])
def test_key_frames_where_there_are_enough(name: str, count: int, indices: range, tmp_path: Path) -> None:
    options = {"crf": "10", "g": "7", "sc_threshold": "0", "x264-params": "open-gop=0"}
    path = clip(tmp_path / name, count=count, codec_options=options)
    decoder = Decoder(Limits(frames_per_video=5, sampling=Sampling.KEYFRAMES))
    frames = decoder.decode(path).frames
    decoder.close()
    assert frames is not None
    assert np.abs(np.array(levels(frames)) - (16 + STEP * np.array(indices))).max() < 4


@pytest.mark.parametrize("size", [(64, 48), (320, 240)])
@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
@pytest.mark.parametrize("codec", ["libx264", "libsvtav1"])
def test_stream_rotation_is_applied(
    codec: str, rotation: int, size: tuple[int, int], decoder: Decoder, tmp_path: Path
) -> None:
    # Counter-clockwise turns, as the display matrix has them.
    picture = scene(*size)
    options = {"crf": "10", "g": "5"} if codec == "libx264" else {"crf": "10", "preset": "12"}
    path = tmp_path / "clip.mp4"
    clip(path, codec, count=3, size=size, rotation=rotation, picture=lambda _: picture, codec_options=options)
    upright = np.rot90(picture, rotation // 90)
    for medium in (decoder.decode(path), decoder.decode(path, frames=False)):
        assert (medium.probe.height, medium.probe.width) == upright.shape[:2]
    frames = decoder.decode(path).frames
    assert frames is not None
    assert np.abs(frames[0].astype(int) - upright).mean() < 12


def test_a_truncated_clip_gives_the_frames_that_are_there(decoder: Decoder, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (20, 48, 64, 3), np.uint8)
    path = clip(tmp_path / "a.mp4", picture=lambda i: noise[i], muxer_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    medium = decoder.decode(path)
    assert medium.frames is not None
    assert 3 < len(medium.frames) < 15
    assert any("truncated" in note for note in medium.probe.notes)


@pytest.mark.parametrize("name", ["a.mkv", "a.ts", "a.avi"])
def test_a_truncated_stream_container_too(name: str, decoder: Decoder, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (20, 48, 64, 3), np.uint8)
    path = clip(tmp_path / name, "mpeg4" if name == "a.avi" else "libx264", picture=lambda i: noise[i])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames = decoder.decode(path).frames
    assert frames is not None
    assert 3 < len(frames) <= 15


def test_a_clip_without_its_index_is_corrupt(refusal: Refused, tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4")
    assert refusal(path.read_bytes()[: path.stat().st_size // 2], Limits()).reason is Refusal.CORRUPT


def test_damage_in_the_middle_leaves_the_rest(decoder: Decoder, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (20, 48, 64, 3), np.uint8)
    path = clip(tmp_path / "a.mkv", picture=lambda i: noise[i])
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(3000)
    path.write_bytes(content)
    frames = decoder.decode(path).frames
    assert frames is not None
    assert len(frames) >= 5


def test_too_many_pixels(refusal: Refused, tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4")
    assert refusal(path, Limits(max_pixels=64 * 48 - 1)).reason is Refusal.TOO_MANY_PIXELS


def test_too_long_by_its_header(refusal: Refused, tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", count=3, rate=Fraction(1, 1000))
    assert refusal(path, Limits()).reason is Refusal.TOO_LONG


def test_too_long_whatever_its_header_claims(refusal: Refused, tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mkv", count=5, rate=Fraction(1, 1000))
    content = path.read_bytes()
    at = content.index(b"\x44\x89\x88") + 3  # Matroska's Duration, a float64 in milliseconds
    path.write_bytes(content[:at] + struct.pack(">d", 1000.0) + content[at + 8 :])
    assert refusal(path, Limits()).reason is Refusal.TOO_LONG


def test_too_many_streams(refusal: Refused, tmp_path: Path) -> None:
    path = sound(tmp_path / "a.mkv", "pcm_s16le", tone(0.1, 8000), 8000, streams=5)
    assert refusal(path, Limits(max_streams=4)).reason is Refusal.TOO_MANY_STREAMS


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_encrypted(codec: str, refusal: Refused, tmp_path: Path) -> None:
    key = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "0" * 32, "encryption_kid": "1" * 32}
    path = clip(tmp_path / "a.mp4", codec, muxer_options=key, codec_options={"crf": "20"})
    assert refusal(path, Limits()).reason is Refusal.ENCRYPTED


def test_a_codec_that_is_not_on_the_list(refusal: Refused, tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mkv", "mpeg4")
    # The same file under the name of a codec that exists but stays shut.
    content = path.read_bytes().replace(b"V_MPEG4/ISO/ASP", b"V_DIRAC\0\0\0\0\0\0\0\0")
    assert refusal(content, Limits()).reason is Refusal.UNSUPPORTED


def test_large_frames_are_kept_in_a_smaller_number(tmp_path: Path) -> None:
    decoder = Decoder(Limits(max_view_bytes=4 * 64 * 48 * 3 + 5))
    medium = decoder.decode(clip(tmp_path / "a.mp4"))
    decoder.close()
    assert medium.frames is not None
    assert len(medium.frames) == 4
    assert any("large frames" in note for note in medium.probe.notes)


def test_cover_art_is_no_video(decoder: Decoder, tmp_path: Path) -> None:
    import av

    path = tmp_path / "a.mp3"
    with av.open(str(path), "w") as container:
        cover: Any = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        audio: Any = container.add_stream("libmp3lame", rate=48000, layout="mono")
        for packet in cover.encode(
            av.VideoFrame.from_ndarray(scene(), format="rgb24").reformat(format="yuvj420p")
        ):
            container.mux(packet)
        frame = av.AudioFrame.from_ndarray(tone(0.5, 48000), format="fltp", layout="mono")
        frame.sample_rate = 48000
        for packet in [*audio.encode(frame), *audio.encode(None)]:
            container.mux(packet)
    assert decoder.decode(path).probe.kind is Kind.AUDIO


def test_a_probe_alone_gives_no_tracks(decoder: Decoder, tmp_path: Path) -> None:
    medium = decoder.decode(clip(tmp_path / "a.mp4", sound="aac"), frames=False, sound=False)
    assert medium.frames is None
    assert medium.waveform is None
    assert medium.probe.has_audio
    assert medium.probe.duration == pytest.approx(2.0, abs=0.1)


REFERENCE = Path(os.environ.get("VERITAG_SHARED") or Path(__file__).parents[3] / ".." / "shared")
REFERENCE = REFERENCE / "reference" / "genconvit_pipeline"


@pytest.mark.skipif(not REFERENCE.is_dir(), reason=f"there are no reference clips in {REFERENCE}")
@pytest.mark.parametrize("number", range(4))
def test_the_published_frames_of_the_reference_clips(number: int, decoder: Decoder) -> None:
    with np.load(REFERENCE / "io.npz") as vectors:
        name, stats = str(vectors["names"][number]), vectors[f"v{number}_frame0_stats"]
    frames = decoder.decode(REFERENCE / "videos" / name, sound=False).frames
    assert frames is not None
    assert [frames[0].mean(), frames[0].std(), frames[-1].mean()] == pytest.approx(stats.tolist(), abs=1e-6)


@pytest.mark.parametrize("name", ["h264.mp4", "av1.mp4", "h264.ts", "variable.mp4"])
def test_frames_in_a_row_are_the_first_ones_without_a_gap(name: str, tmp_path: Path) -> None:
    path = clip(tmp_path / name, **CLIPS[name])
    decoder = Decoder(Limits(frames_in_a_row=12, frames_per_video=4))
    medium, alone, without = (
        decoder.decode(path, row=True),
        decoder.decode(path, frames=False, row=True),
        decoder.decode(path),
    )
    decoder.close()
    assert medium.row is not None
    assert np.abs(np.array(levels(medium.row)) - (16 + STEP * np.arange(12))).max() < 4
    assert medium.frames is not None
    assert len(medium.frames) == 4
    assert alone.frames is None
    assert alone.row is not None
    assert np.array_equal(alone.row, medium.row)
    assert medium.probe == without.probe
    assert len(medium.probe.frame_seconds) == 4
    assert medium.probe.frame_seconds[0] == 0
    assert alone.probe == replace(medium.probe, frame_seconds=())
    assert without.row is None


def test_frames_in_a_row_are_bounded_by_memory_and_by_the_clip(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4")
    for limits, count in ((Limits(max_view_bytes=7 * 64 * 48 * 3 + 5), 7), (Limits(), 20)):
        decoder = Decoder(limits)
        medium = decoder.decode(path, frames=False, row=True)
        decoder.close()
        assert medium.row is not None
        assert len(medium.row) == count
        assert medium.probe.notes == ()


def test_a_turned_clip_has_an_upright_row(decoder: Decoder, tmp_path: Path) -> None:
    picture = scene()
    path = clip(tmp_path / "clip.mp4", count=3, rotation=90, picture=lambda _: picture)
    medium = decoder.decode(path, frames=False, row=True)
    assert medium.row is not None
    assert medium.row.shape == (3, 64, 48, 3)
    assert (medium.probe.width, medium.probe.height) == (48, 64)
