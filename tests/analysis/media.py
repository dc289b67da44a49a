"""Tiny media that the tests make themselves."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray
from PIL import Image

# Every frame of a made clip is one grey level, this much brighter than the frame before.
STEP = 8


def scene(width: int = 64, height: int = 48) -> NDArray[np.uint8]:
    """RGB with a red top-left quarter on a gradient: shows every turn and mirroring."""
    x = np.linspace(0, 200, width, dtype=np.uint8)
    picture = np.stack(
        np.broadcast_arrays(x[None, :], x[None, ::-1] // 2, np.zeros((height, 1), np.uint8)), axis=-1
    )
    picture = np.array(picture)
    picture[: height // 2, : width // 2] = (250, 10, 10)
    return picture


def photo(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """A picture with coarse and fine structure everywhere, as photographs have; another one for each seed."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 128.0)
    for cells, brightness, colour in ((4, 60, 15), (12, 40, 10), (40, 25, 0), (160, 15, 0)):
        for strength, planes in ((brightness, (0, 1, 2)), (colour, (0,)), (colour, (2,))):
            noise = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
            layer = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
            picture[..., planes] += strength * np.asarray(layer)[..., None]
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_bomb(width: int, height: int) -> bytes:
    """A PNG that claims a size far beyond its few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    idat = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + idat + chunk(b"IEND", b"")


def animation(kind: str, count: int = 6, **options: Any) -> bytes:
    frames = [Image.new("RGB", (32, 24), (STEP * i, STEP * i, STEP * i)) for i in range(count)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100, **options)


def clip(
    path: Path,
    codec: str = "libx264",
    *,
    count: int = 20,
    rate: Fraction = Fraction(10),
    size: tuple[int, int] = (64, 48),
    times: list[int] | None = None,
    rotation: int = 0,
    sound: str | None = None,
    picture: Callable[[int], NDArray[np.uint8]] | None = None,
    codec_options: dict[str, str] | None = None,
    muxer: str | None = None,
    muxer_options: dict[str, str] | None = None,
) -> Path:
    """A clip of ``count`` frames; frame i is grey of level 16 + STEP * i unless ``picture`` gives it."""
    with av.open(str(path), "w", format=muxer, options=muxer_options or {}) as container:
        video: Any = container.add_stream(codec, rate=rate)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.options = codec_options or (
            {"crf": "10", "g": "5"} if codec == "libx264" else {"qmin": "1", "qmax": "2"}
        )
        if rotation:
            video.set_display_rotation(rotation)
        audio: Any = container.add_stream(sound, rate=48000) if sound else None
        for i in range(count):
            shown = np.full((size[1], size[0], 3), 16 + STEP * i, np.uint8) if picture is None else picture(i)
            frame = av.VideoFrame.from_ndarray(shown, format="rgb24")
            frame.pts, frame.time_base = (times[i] if times else i), 1 / rate
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            _encode_sound(container, audio, tone(count / float(rate), 48000), 48000)
    return path


def tone(seconds: float, rate: int, channels: int = 1, amplitude: float = 0.5) -> NDArray[np.float32]:
    wave = amplitude * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)
    return np.tile(wave.astype(np.float32), (channels, 1))


def sound(
    path: Path,
    codec: str,
    samples: NDArray[np.float32],
    rate: int,
    muxer: str | None = None,
    streams: int = 1,
) -> Path:
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(samples)]
    with av.open(str(path), "w", format=muxer) as container:
        made: list[Any] = [container.add_stream(codec, rate=rate, layout=layout) for _ in range(streams)]
        for stream in made:
            _encode_sound(container, stream, samples, rate)
    return path


def _encode_sound(container: Any, stream: Any, samples: NDArray[np.float32], rate: int) -> None:
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(samples)]
    frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    size = stream.codec_context.frame_size or 1024
    resampler = AudioResampler(stream.format, stream.layout, stream.rate, frame_size=size)
    for part in (*resampler.resample(frame), *resampler.resample(None)):
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))
