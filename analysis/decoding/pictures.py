"""Still and animated pictures through Pillow: upright, opaque, 8-bit sRGB.

Runs in the decoding child only.
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import BinaryIO

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageFile, ImageOps

from analysis.decoding.durations import animation_seconds
from analysis.decoding.jpeg import jpeg_quality
from analysis.decoding.sampling import frame_indices
from analysis.decoding.store import FrameStore
from analysis.errors import MediumRefused, Refusal
from analysis.limits import Limits
from analysis.model import Kind, Probe
from analysis.sniff import FileType

# What Pillow and its plug-ins raise on broken bytes. MemoryError is not among them: it ends the child.
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    LookupError,
    ArithmeticError,
    AttributeError,
    RuntimeError,
    struct.error,
)
# Containers of one moving picture; several pages, sizes or views (TIFF, ICO, MPO, HEIC) are not a motion.
_ANIMATIONS = {"GIF", "WEBP", "PNG", "AVIF"}
_TURNED = {5, 6, 7, 8}
_DEEP_GREY = {"I;16", "I;16L", "I;16B", "I;16N", "I", "F"}

pillow_heif.register_heif_opener()
pillow_heif.options.DECODE_THREADS = 1
Image.MAX_IMAGE_PIXELS = None  # `open_picture` holds the configured limit instead, for every format alike


def open_picture(file: BinaryIO, file_type: FileType, limits: Limits) -> Image.Image:
    """Read a picture's header; nothing is decoded yet.

    Raises:
        MediumRefused: CORRUPT, TOO_MANY_PIXELS.
    """
    file.seek(0)
    try:
        image = Image.open(file, formats=file_type.pillow)
    except UNREADABLE as error:
        raise MediumRefused(Refusal.CORRUPT, "the picture's header cannot be read") from error
    if image.width * image.height > limits.max_pixels:
        raise MediumRefused(
            Refusal.TOO_MANY_PIXELS,
            f"the picture has {image.width}x{image.height} pixels; the limit is {limits.max_pixels}",
        )
    return image


def probe_picture(
    image: Image.Image, file: BinaryIO, file_type: FileType, size: int, limits: Limits
) -> Probe:
    """Describe an open picture from its header.

    Raises:
        MediumRefused: CORRUPT, TOO_LONG (an animation).
    """
    width, height = image.size
    if _orientation(image) in _TURNED:
        width, height = height, width
    try:
        count = getattr(image, "n_frames", 1)
    except UNREADABLE:
        count = 1
    if count <= 1 or image.format not in _ANIMATIONS or not getattr(image, "is_animated", False):
        notes = (f"the first of {count} pictures in the file",) if count > 1 else ()
        return Probe(
            Kind.IMAGE,
            file_type.mime,
            size,
            width,
            height,
            frames=1,
            codec=image.format,
            jpeg_quality=jpeg_quality(getattr(image, "quantization", {})),
            notes=notes,
        )
    duration = animation_seconds(file, image.format)
    if duration is not None and duration > limits.max_duration:
        raise MediumRefused(
            Refusal.TOO_LONG,
            f"the animation lasts {duration:.0f} s; the limit is {limits.max_duration:.0f} s",
        )
    rate = count / duration if duration else None
    return Probe(Kind.VIDEO, file_type.mime, size, width, height, duration, count, rate, codec=image.format)


def decode_still(
    image: Image.Image, file: BinaryIO, file_type: FileType, limits: Limits, store: FrameStore
) -> tuple[str, ...]:
    """Decode one picture into the store; return notes. A truncated picture is judged as far as it goes: what
    the decoder fills in for the rest is no evidence, and is cut off.

    Raises:
        MediumRefused: CORRUPT, UNSUPPORTED, TOO_MANY_PIXELS.
    """
    notes: tuple[str, ...] = ()
    fitting_frames(image.width, image.height, limits)
    try:
        image.load()
    except UNREADABLE as error:
        image = _load_what_there_is(file, file_type, limits, error)
        notes = ("truncated or damaged: only part of the picture could be read",)
    store.append(upright_rgb(image))
    return notes


def _load_what_there_is(
    file: BinaryIO, file_type: FileType, limits: Limits, first_error: Exception
) -> Image.Image:
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        image = open_picture(file, file_type, limits)
        image.load()
        top, bottom = _rows_there(image)
    except UNREADABLE as error:
        raise MediumRefused(Refusal.CORRUPT, f"the picture cannot be decoded ({error})") from error
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    if top >= bottom:
        raise MediumRefused(Refusal.CORRUPT, f"no part of the picture can be decoded ({first_error})")
    return image.crop((0, top, image.width, bottom))


def _rows_there(image: Image.Image) -> tuple[int, int]:
    """The rows between those of one colour that stand for missing ones (in a BMP they are the upper ones)."""
    pixels = np.asarray(image.convert("RGB"))
    below_top = np.flatnonzero((pixels != pixels[0, 0]).any(axis=(1, 2)))
    above_bottom = np.flatnonzero((pixels != pixels[-1, -1]).any(axis=(1, 2)))
    if not below_top.size or not above_bottom.size:
        return 0, 0
    return int(below_top[0]), int(above_bottom[-1]) + 1


def decode_animation(
    image: Image.Image, count: int, limits: Limits, store: FrameStore, *, in_a_row: bool = False
) -> tuple[str, ...]:
    """Decode evenly spaced frames of an animation, or its first ones, into the store; return notes.

    Raises:
        MediumRefused: CORRUPT (not one frame), UNSUPPORTED, TOO_MANY_PIXELS.
    """
    kept = fitting_frames(image.width, image.height, limits, in_a_row=in_a_row)
    wanted = range(min(count, kept)) if in_a_row else frame_indices(count, kept, limits.sampling)
    for done, index in enumerate(wanted):
        try:
            image.seek(index)
            image.load()
        except UNREADABLE as error:
            if not done:
                raise MediumRefused(Refusal.CORRUPT, f"the animation cannot be decoded ({error})") from error
            return (f"truncated or damaged: {done} of {len(wanted)} frames could be read",)
        store.append(upright_rgb(image.copy()))
    return ()


def fitting_frames(width: int, height: int, limits: Limits, *, in_a_row: bool = False) -> int:
    """How many frames of a clip to keep: as configured, or fewer where they are very large.

    Raises:
        MediumRefused: TOO_MANY_PIXELS: not even one frame fits.
    """
    fitting = limits.max_view_bytes // max(1, width * height * 3)
    if fitting < 1:
        raise MediumRefused(
            Refusal.TOO_MANY_PIXELS, f"one frame of {width}x{height} exceeds the memory limit"
        )
    return min(limits.frames_in_a_row if in_a_row else limits.frames_per_video, fitting)


def upright_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Turn a loaded picture into uint8 sRGB ``(H, W, 3)`` as people see it, on white where transparent.

    Raises:
        MediumRefused: UNSUPPORTED (a colour mode without a way to RGB).
    """
    profile = image.info.get("icc_profile")
    if _orientation(image) != 1:
        image = ImageOps.exif_transpose(image)
    if image.mode in _DEEP_GREY:
        image = _eight_bit(image)
    if "transparency" in image.info or image.mode in {"PA", "La", "LA", "RGBa"}:
        image = image.convert("RGBA")
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    if image.mode not in {"RGB", "L", "CMYK"}:
        try:
            image = image.convert("RGB")
        except ValueError as error:
            raise MediumRefused(Refusal.UNSUPPORTED, f"colour mode {image.mode} cannot be judged") from error
    image = _to_srgb(image, profile)
    if alpha is not None:
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(image, mask=alpha)
        image = white
    return np.array(image, dtype=np.uint8)


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none or it cannot be read."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except UNREADABLE:
        return 1
    return value if value in range(1, 9) else 1


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale deep grey values to 8 bit: integers from 16 bit, floats from [0, 1] or else from [0, 255]."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    if image.mode != "F":
        values /= 257
    elif values.max(initial=0.0) <= 1:
        values *= 255
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Apply an embedded colour profile; one that is broken, or of another colour space, is ignored."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            if "sRGB" in ImageCms.getProfileDescription(source):
                return image.convert("RGB")
            managed = ImageCms.profileToProfile(
                image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (*UNREADABLE, ImageCms.PyCMSError):
            return image.convert("RGB")
        if managed is not None:
            return managed
    return image.convert("RGB")
