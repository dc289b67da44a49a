"""Small pictures for cards: what was judged, marked as real or made so that none of them misleads alone."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from analysis.decoding.decoder import Decoded
from analysis.errors import MediumRefused, Refusal
from analysis.evidence.spectrogram import levels
from detectors.generation.base import Pixels

SIDE = 192
STRIP_SIDE = 128
_MARK = 16
_REAL, _FAKE = (0, 82, 128), (160, 70, 0)
_QUALITY = 78
_FLOOR = -80.0  # decibels, as `levels` gives them


def tile(medium: Decoded, *, fake: bool) -> bytes:
    """The whole of it, small, as WebP: a picture, a video's first frame, or a sound's spectrogram."""
    seen = _seen(medium)
    seen.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return _marked(seen, fake=fake)


def strip_tile(medium: Decoded, focus: tuple[float, float] | None, *, fake: bool) -> bytes:
    """A part of a picture, pixel by pixel, so that what a delivery did to it shows; else as `tile`.

    Args:
        focus: its middle (x, y), in pixels; None for the picture's.
    """
    if medium.frames is None:
        return tile(medium, fake=fake)
    pixels = medium.frames[0]
    height, width = pixels.shape[:2]
    x, y = focus or (width / 2, height / 2)
    left, top = (
        round(min(max(0, at - STRIP_SIDE / 2), max(0, side - STRIP_SIDE)))
        for at, side in ((x, width), (y, height))
    )
    return _marked(Image.fromarray(pixels[top : top + STRIP_SIDE, left : left + STRIP_SIDE]), fake=fake)


def _seen(medium: Decoded) -> Image.Image:
    if medium.frames is not None:
        return Image.fromarray(medium.frames[0])
    if medium.waveform is None:
        raise MediumRefused(Refusal.CORRUPT, "nothing of it could be decoded")
    return Image.fromarray(_darkness(levels(medium.waveform))).resize((SIDE, SIDE // 2))


def _darkness(decibels: np.ndarray) -> Pixels:
    """A spectrogram in greys, low tones below, loud dark."""
    grey = (255 * decibels[::-1] / _FLOOR).clip(0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _marked(seen: Image.Image, *, fake: bool) -> bytes:
    """Write it as WebP over a bar that says what it is."""
    width, height = seen.size
    marked = Image.new("RGB", (width, height + _MARK), _FAKE if fake else _REAL)
    marked.paste(seen, (0, 0))
    text = "NOT GENUINE" if fake else "genuine"
    font = ImageFont.load_default(11)
    ImageDraw.Draw(marked).text((width / 2, height + _MARK / 2), text, "white", font, anchor="mm")
    buffer = io.BytesIO()
    marked.save(buffer, "WEBP", quality=_QUALITY, method=6)
    return buffer.getvalue()
