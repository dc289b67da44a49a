"""Writes the samples' media files: pictures by Pillow, clips and sound by PyAV, speech by espeak-ng.

Everything is written so that the same input gives the same bytes on the same versions of the libraries:
one encoder thread, no random serial numbers, no dates.
"""

from __future__ import annotations

import io
import subprocess
import wave
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from PIL import Image

Box = tuple[float, float, float, float]
FRAME_RATE = 24


def pan(photograph: np.ndarray, start: Box, end: Box, size: tuple[int, int], frames: int) -> list[np.ndarray]:
    """A camera that travels over a photograph from one box to another, slow at both ends.

    Boxes are (left, top, right, bottom) in pixels. Where they are at least as large as ``size``, nothing is
    enlarged, so that the frames keep a photograph's own texture.
    """
    picture = Image.fromarray(photograph)
    made = []
    for at in (1 - np.cos(np.linspace(0, np.pi, frames))) / 2:
        left, top, right, bottom = ((1 - at) * a + at * b for a, b in zip(start, end, strict=True))
        made.append(
            np.asarray(picture.resize(size, Image.Resampling.BICUBIC, box=(left, top, right, bottom)))
        )
    return made


def speak(text: str, voice: str) -> np.ndarray:
    """Text as speech: int16 ``(samples,)``, mono, 22,050 Hz.

    Raises:
        FileNotFoundError: espeak-ng is not installed (Debian package ``espeak-ng``).
    """
    command = ["espeak-ng", "-v", voice, "-s", "150", "--stdout", text]
    spoken = subprocess.run(command, check=True, capture_output=True).stdout
    # The length in the header of a streamed WAV is a guess, so the samples are taken as far as they go.
    with wave.open(io.BytesIO(spoken)) as reader:
        return np.frombuffer(reader.readframes(reader.getnframes()), np.int16)


def write_gif(path: Path, frames: Sequence[np.ndarray]) -> None:
    """An endless animation, 10 frames a second, one palette of 128 colours for all frames."""
    first, *others = (Image.fromarray(frame) for frame in frames)
    palette = first.quantize(128)
    first.quantize(palette=palette).save(
        path,
        save_all=True,
        append_images=[frame.quantize(palette=palette) for frame in others],
        duration=100,
        loop=0,
    )


def write_video(path: Path, frames: Sequence[np.ndarray], sound: np.ndarray | None = None) -> None:
    """H.264 (yuv420p) in MP4, 24 frames a second, with an AAC track where there is sound."""
    height, width = frames[0].shape[:2]
    with av.open(path, "w", container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", FRAME_RATE, options={"crf": "21", "preset": "slow"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.thread_count = 1
        track = None if sound is None else _add_track(container, "aac", 22050)
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
        if track is not None and sound is not None:
            _encode_sound(container, track, sound)


def write_audio(path: Path, sound: np.ndarray) -> None:
    """Mono speech: Opus in Ogg, or MP3, by the file's ending."""
    codec, rate = ("libopus", 48000) if path.suffix == ".ogg" else ("libmp3lame", 22050)
    with av.open(path, "w", container_options={"fflags": "+bitexact"}) as container:
        _encode_sound(container, _add_track(container, codec, rate), sound)


def _add_track(container: OutputContainer, codec: str, rate: int) -> AudioStream:
    track = container.add_stream(codec, rate, layout="mono", bit_rate=48000)
    assert isinstance(track, AudioStream)
    return track


def _encode_sound(container: OutputContainer, track: AudioStream, sound: np.ndarray) -> None:
    """Encode int16 mono samples at 22,050 Hz in the track's own rate and sample format."""
    frame = av.AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
    frame.sample_rate, frame.time_base, frame.pts = 22050, Fraction(1, 22050), 0
    resampler = av.AudioResampler(format=track.format, layout="mono", rate=track.rate)
    for resampled in (*resampler.resample(frame), *resampler.resample(None)):
        container.mux(track.encode(resampled))
    container.mux(track.encode(None))
