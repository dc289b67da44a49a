"""Steps for pictures: sizes, encoders, tone, noise. Pictures are uint8 RGB ``(H, W, 3)``."""

from __future__ import annotations

import io
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from detectors.generation.base import Mask, Pixels
from detectors.generation.laundering.base import Codec, Step

MIN_SIDE = 16
SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")  # PIL's numbers 0, 1, 2


def resize(picture: Pixels, width: int, height: int, resampling: Image.Resampling) -> Pixels:
    """Resample a picture."""
    return np.asarray(Image.fromarray(picture).resize((width, height), resampling))


def resize_mask(mask: Mask, width: int, height: int) -> Mask:
    """Resample a mask; what it was 0 around stays exactly 0."""
    resized = Image.fromarray(mask, "F").resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float32).clip(0, 1)


@dataclass(frozen=True, slots=True)
class Fit(Step[Pixels]):
    """Scale so that the longest side has at most `longest` pixels; smaller pictures stay as they are."""

    longest: int
    resampling: Image.Resampling = Image.Resampling.LANCZOS

    def _size(self, height: int, width: int) -> tuple[int, int]:
        factor = min(1.0, self.longest / max(height, width))
        return max(1, round(width * factor)), max(1, round(height * factor))

    def __call__(self, medium: Pixels) -> Pixels:
        """Scale."""
        width, height = self._size(*medium.shape[:2])
        if (height, width) == medium.shape[:2]:
            return medium
        return resize(medium, width, height, self.resampling)

    def follow(self, mask: Mask) -> Mask:
        """Scale the mask."""
        return resize_mask(mask, *self._size(mask.shape[0], mask.shape[1]))


@dataclass(frozen=True, slots=True)
class Rescale(Step[Pixels]):
    """Scale both sides by a factor, to `MIN_SIDE` pixels at least."""

    factor: float
    resampling: Image.Resampling = Image.Resampling.BICUBIC

    def _size(self, height: int, width: int) -> tuple[int, int]:
        return max(MIN_SIDE, round(width * self.factor)), max(MIN_SIDE, round(height * self.factor))

    def __call__(self, medium: Pixels) -> Pixels:
        """Scale."""
        return resize(medium, *self._size(*medium.shape[:2]), self.resampling)

    def follow(self, mask: Mask) -> Mask:
        """Scale the mask."""
        return resize_mask(mask, *self._size(mask.shape[0], mask.shape[1]))


@dataclass(frozen=True, slots=True)
class Crop(Step[Pixels]):
    """Cut shares of the sides away, each in [0, 0.5)."""

    left: float
    top: float
    right: float
    bottom: float

    def _cut(self, array: Any) -> Any:
        height, width = array.shape[:2]
        rows = slice(int(height * self.top), height - int(height * self.bottom))
        columns = slice(int(width * self.left), width - int(width * self.right))
        return np.ascontiguousarray(array[rows, columns])

    def __call__(self, medium: Pixels) -> Pixels:
        """Cut."""
        cut: Pixels = self._cut(medium)
        return cut

    def follow(self, mask: Mask) -> Mask:
        """Cut the mask."""
        cut: Mask = self._cut(mask)
        return cut


@dataclass(frozen=True, slots=True)
class _PictureFile(Codec[Pixels]):
    """A codec that Pillow writes."""

    @abstractmethod
    def _options(self) -> dict[str, Any]:
        """What Pillow is told to write."""

    def encode(self, medium: Pixels) -> bytes:
        """Write."""
        buffer = io.BytesIO()
        Image.fromarray(medium).save(buffer, **self._options())
        return buffer.getvalue()

    def decode(self, encoded: bytes, like: Pixels) -> Pixels:
        """Read."""
        with Image.open(io.BytesIO(encoded)) as image:
            return np.asarray(image.convert("RGB")).reshape(like.shape)


@dataclass(frozen=True, slots=True)
class Jpeg(_PictureFile):
    """Baseline or progressive JPEG; `subsampling` is one of `SUBSAMPLINGS`."""

    suffix: ClassVar[str] = ".jpg"
    quality: int
    subsampling: str = "4:2:0"
    progressive: bool = False

    def _options(self) -> dict[str, Any]:
        return {
            "format": "JPEG",
            "quality": self.quality,
            "subsampling": self.subsampling,
            "progressive": self.progressive,
        }


@dataclass(frozen=True, slots=True)
class JpegTables(_PictureFile):
    """JPEG by quantisation tables taken from another file (lists of 64 values in Pillow's order)."""

    suffix: ClassVar[str] = ".jpg"
    tables: tuple[tuple[int, ...], ...]
    subsampling: str = "4:2:0"

    def _options(self) -> dict[str, Any]:
        return {
            "format": "JPEG",
            "qtables": [list(table) for table in self.tables],
            "subsampling": self.subsampling,
        }


@dataclass(frozen=True, slots=True)
class WebP(_PictureFile):
    """Lossy WebP."""

    suffix: ClassVar[str] = ".webp"
    quality: int

    def _options(self) -> dict[str, Any]:
        return {"format": "WEBP", "quality": self.quality, "method": 4}


@dataclass(frozen=True, slots=True)
class Avif(_PictureFile):
    """Lossy AVIF; one encoder thread, so that the same picture gives the same bytes."""

    suffix: ClassVar[str] = ".avif"
    quality: int
    subsampling: str = "4:2:0"

    def _options(self) -> dict[str, Any]:
        return {
            "format": "AVIF",
            "quality": self.quality,
            "subsampling": self.subsampling,
            "speed": 8,
            "max_threads": 1,
        }


@dataclass(frozen=True, slots=True)
class Png(_PictureFile):
    """Lossless PNG."""

    suffix: ClassVar[str] = ".png"

    def _options(self) -> dict[str, Any]:
        return {"format": "PNG"}


@dataclass(frozen=True, slots=True)
class Tone(Step[Pixels]):
    """A filter as apps offer them: factors for brightness, contrast and saturation (1 = unchanged)."""

    brightness: float
    contrast: float
    saturation: float

    def __call__(self, medium: Pixels) -> Pixels:
        """Change the tone."""
        image = Image.fromarray(medium)
        image = ImageEnhance.Brightness(image).enhance(self.brightness)
        image = ImageEnhance.Contrast(image).enhance(self.contrast)
        return np.asarray(ImageEnhance.Color(image).enhance(self.saturation))


@dataclass(frozen=True, slots=True)
class Sharpen(Step[Pixels]):
    """Unsharp mask as services apply after scaling; radius in pixels, strength in per cent."""

    radius: float
    percent: int

    def __call__(self, medium: Pixels) -> Pixels:
        """Sharpen."""
        return np.asarray(
            Image.fromarray(medium).filter(ImageFilter.UnsharpMask(self.radius, self.percent, 2))
        )


@dataclass(frozen=True, slots=True)
class Blur(Step[Pixels]):
    """Gaussian blur; radius (standard deviation) in pixels."""

    radius: float

    def __call__(self, medium: Pixels) -> Pixels:
        """Blur."""
        return np.asarray(Image.fromarray(medium).filter(ImageFilter.GaussianBlur(self.radius)))


@dataclass(frozen=True, slots=True)
class Noise(Step[Pixels]):
    """White Gaussian noise; the same `seed` gives a pair the same noise. `deviation` in grey levels."""

    deviation: float
    seed: int

    def __call__(self, medium: Pixels) -> Pixels:
        """Add it."""
        noise = np.random.default_rng(self.seed).normal(0, self.deviation, medium.shape)
        noisy: Pixels = (medium + noise).round().clip(0, 255).astype(np.uint8)
        return noisy
