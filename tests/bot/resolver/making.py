"""Small media files, made anew: pictures without sound, sound without pictures."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np


def silent_video(codec: str = "mpeg4", container: str = "mp4", frames: int = 12) -> bytes:
    """A moving grey picture, 64 by 48, 12 frames a second."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=12)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(frames):
            picture = np.full((48, 64, 3), number * 20 % 255, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
    return file.getvalue()


def sound(codec: str = "aac", container: str = "mp4", seconds: float = 1.0) -> bytes:
    """A tone of 440 Hz."""
    file = io.BytesIO()
    rate = 48_000
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate)
        wave = np.sin(np.arange(int(rate * seconds)) * 2 * np.pi * 440 / rate).astype(np.float32) / 4
        step = 960
        for start in range(0, len(wave) - step + 1, step):
            frame = av.AudioFrame.from_ndarray(wave[None, start : start + step], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()
