"""Every way a picture can come becomes the same upright, opaque, 8-bit sRGB."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import ExifTags, Image, ImageCms

from analysis.decoding.decoder import Decoded, Decoder
from analysis.decoding.durations import animation_seconds
from analysis.errors import MediumRefused, Refusal
from analysis.limits import Limits
from analysis.model import Kind
from tests.analysis.media import STEP, animation, encoded, png_bomb, scene

pillow_heif.register_heif_opener()
Decode = Callable[[bytes], Decoded]

LOSSY = {"JPEG": {"quality": 95, "subsampling": 0}, "AVIF": {"quality": 95}, "HEIF": {"quality": 95}}
LOSSLESS: dict[str, dict[str, Any]] = {"PNG": {}, "WEBP": {"lossless": True}, "BMP": {}, "TIFF": {}}
MIMES = {"JPEG": "image/jpeg", "AVIF": "image/avif", "HEIF": "image/heif", "PNG": "image/png"}
MIMES |= {"WEBP": "image/webp", "BMP": "image/bmp", "TIFF": "image/tiff"}


@pytest.mark.parametrize("kind", LOSSY | LOSSLESS)
def test_formats(kind: str, decode: Decode) -> None:
    medium = decode(encoded(Image.fromarray(scene()), kind, **(LOSSY | LOSSLESS)[kind]))
    assert medium.probe.kind is Kind.IMAGE
    assert (medium.probe.mime, medium.probe.width, medium.probe.height) == (MIMES[kind], 64, 48)
    assert medium.frames is not None
    assert medium.frames.shape == (1, 48, 64, 3)
    difference = np.abs(medium.frames[0].astype(int) - scene())
    assert difference.max() == 0 if kind in LOSSLESS else difference.mean() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_exif_orientation_is_undone(kind: str, orientation: int, decode: Decode) -> None:
    # Stored as the inverse of what the orientation asks for, so that the upright picture is the scene.
    upright = Image.fromarray(scene())
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    medium = decode(encoded(stored, kind, exif=exif.tobytes()))
    assert medium.frames is not None
    assert (medium.probe.width, medium.probe.height) == (64, 48)
    assert np.abs(medium.frames[0].astype(int) - scene()).mean() < 6


def test_broken_exif_is_ignored(decode: Decode) -> None:
    medium = decode(encoded(Image.fromarray(scene()), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xffrubbish"))
    assert medium.frames is not None
    assert medium.frames.shape == (1, 48, 64, 3)


def test_transparent_becomes_white(decode: Decode) -> None:
    image = Image.new("RGBA", (4, 2), (200, 0, 0, 255))
    image.putpixel((0, 0), (0, 0, 0, 0))
    image.putpixel((1, 0), (0, 0, 0, 127))
    for kind in ("PNG", "WEBP", "TIFF"):
        options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
        frames = decode(encoded(image, kind, **options)).frames
        assert frames is not None
        assert frames[0, 0, 0].tolist() == [255, 255, 255]
        assert frames[0, 0, 1].tolist() == [128, 128, 128]
        assert frames[0, 1, 1].tolist() == [200, 0, 0]


def test_transparent_palette_and_grey_with_alpha(decode: Decode) -> None:
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 10, 200, 30])
    palette.putpixel((0, 0), 0)
    frames = decode(encoded(palette, "PNG", transparency=0)).frames
    assert frames is not None
    assert frames[0, 0, :2].tolist() == [[255, 255, 255], [10, 200, 30]]
    frames = decode(encoded(Image.new("LA", (2, 2), (50, 0)), "PNG")).frames
    assert frames is not None
    assert (frames == 255).all()


def test_bit_depths_and_grey_modes(decode: Decode) -> None:
    deep = np.array([[0, 257, 32896, 65535]], np.uint16)
    for image, kind in (
        (Image.fromarray(deep), "PNG"),
        (Image.fromarray(deep), "TIFF"),
        (Image.fromarray(deep.astype(np.float32) / 65535), "TIFF"),
        (Image.fromarray((deep // 257).astype(np.uint8)), "PNG"),
    ):
        frames = decode(encoded(image, kind)).frames
        assert frames is not None
        assert frames[0, 0].tolist() == [[v] * 3 for v in (0, 1, 128, 255)]
    frames = decode(encoded(Image.new("1", (2, 2), 1), "PNG")).frames
    assert frames is not None
    assert (frames == 255).all()


def test_cmyk(decode: Decode) -> None:
    frames = decode(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95)).frames
    assert frames is not None
    assert np.abs(frames[0].astype(int) - (255, 0, 0)).max() < 8


def test_a_colour_profile_is_applied(decode: Decode) -> None:
    # XYZ-like profile built in: pixels must change; a broken profile must not.
    image = Image.fromarray(scene())
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    same = decode(encoded(image, "PNG", icc_profile=lab)).frames
    broken = decode(encoded(image, "PNG", icc_profile=b"rubbish" * 30)).frames
    assert same is not None
    assert broken is not None
    assert np.array_equal(same[0], scene())
    assert np.array_equal(broken[0], scene())


def test_a_wide_gamut_profile_changes_the_pixels(decode: Decode) -> None:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # Swap the red and green colorants: a profile under which red is stored in the green channel.
    r, g = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[r : r + 4], profile[g : g + 4] = b"gXYZ", b"rXYZ"
    name = profile.find("sRGB".encode("utf-16-be"))
    profile[name : name + 8] = "test".encode("utf-16-be")
    frames = decode(encoded(Image.new("RGB", (4, 4), (250, 0, 0)), "PNG", icc_profile=bytes(profile))).frames
    assert frames is not None
    red, green, _ = frames[0, 0, 0].tolist()
    assert green > 200 > 50 > red


@pytest.mark.parametrize(
    ("kind", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {}), ("AVIF", {})]
)
def test_animations_are_videos_without_sound(kind: str, options: dict[str, Any], decode: Decode) -> None:
    medium = decode(animation(kind, **options))
    assert medium.probe.kind is Kind.VIDEO
    assert medium.probe.frames == 6
    assert not medium.probe.has_audio
    assert medium.waveform is None
    assert medium.frames is not None
    levels = medium.frames.mean(axis=(1, 2, 3))
    assert np.abs(levels - np.arange(6) * STEP).max() < 3


def test_a_long_animation_is_sampled(decode: Decode) -> None:
    medium = decode(animation("GIF", count=30))
    assert medium.frames is not None
    assert np.abs(medium.frames.mean(axis=(1, 2, 3)) - np.arange(0, 30, 2) * STEP).max() < 3


def test_pages_and_sizes_are_no_motion(decode: Decode) -> None:
    pages = [Image.fromarray(scene()), Image.new("RGB", (64, 48))]
    medium = decode(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    assert medium.probe.kind is Kind.IMAGE
    assert medium.frames is not None
    assert np.array_equal(medium.frames[0], scene())
    assert medium.probe.notes == ("the first of 2 pictures in the file",)
    assert (
        decode(encoded(Image.fromarray(scene()), "ICO", sizes=[(16, 16), (32, 32)])).probe.kind is Kind.IMAGE
    )


def two_thirds_of_noise(kind: str, **options: Any) -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    content = encoded(Image.fromarray(noise), kind, **options)
    return content[: len(content) * 2 // 3]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF"])
def test_a_truncated_picture_is_judged_as_far_as_it_goes(kind: str, decode: Decode) -> None:
    medium = decode(two_thirds_of_noise(kind))
    assert medium.frames is not None
    assert "truncated" in medium.probe.notes[0]
    _, height, width, _ = medium.frames.shape
    assert width == 96
    assert 48 <= height <= 72  # a JPEG's last block of rows may be there in part
    rows = medium.frames[0].std(axis=(1, 2))
    assert rows[: height - 16].min() > 20, "no row is filler"
    assert rows[-1] > 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_truncated_picture_is_turned_like_a_whole_one(kind: str, decode: Decode) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    medium = decode(two_thirds_of_noise(kind, exif=exif))
    assert medium.frames is not None
    _, height, width, _ = medium.frames.shape
    assert height == 96
    assert width < 96


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "HEIF"])
def test_a_picture_that_needs_its_end_is_corrupt_without(kind: str, decode: Decode) -> None:
    with pytest.raises(MediumRefused) as caught:
        decode(two_thirds_of_noise(kind))
    assert caught.value.reason is Refusal.CORRUPT


def test_nothing_left_of_a_picture_is_corrupt(decode: Decode) -> None:
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "HEIF"):
        content = encoded(Image.fromarray(scene()), kind)
        for length in (20, 60):
            with pytest.raises(MediumRefused) as caught:
                decode(content[:length])
            assert caught.value.reason is Refusal.CORRUPT, (kind, length)


def test_a_truncated_animation_gives_its_first_frames(decode: Decode) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (8, 48, 64, 3), np.uint8)
    frames = [Image.fromarray(frame) for frame in noise]
    content = encoded(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=100)
    medium = decode(content[: len(content) // 2])
    assert medium.frames is not None
    assert 1 <= len(medium.frames) < 8
    assert np.array_equal(medium.frames[0], noise[0])
    assert any("truncated" in note for note in medium.probe.notes)


@pytest.mark.parametrize("content", [png_bomb(60_000, 60_000), png_bomb(2**31 - 1, 2**31 - 1)])
def test_a_decompression_bomb_is_refused_from_its_header(
    content: bytes, refusal: Callable[[bytes, Limits], MediumRefused]
) -> None:
    assert refusal(content, Limits()).reason is Refusal.TOO_MANY_PIXELS


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF"])
def test_the_pixel_limit_holds_for_every_format(
    kind: str, refusal: Callable[[bytes, Limits], MediumRefused]
) -> None:
    content = encoded(Image.fromarray(scene()), kind)
    assert refusal(content, Limits(max_pixels=64 * 48 - 1)).reason is Refusal.TOO_MANY_PIXELS


def test_an_animation_can_be_too_long(refusal: Callable[[bytes, Limits], MediumRefused]) -> None:
    assert refusal(animation("GIF"), Limits(max_duration=0.5)).reason is Refusal.TOO_LONG


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation_lasts_as_long_as_its_frames_together(
    kind: str, decode: Decode, refusal: Callable[[bytes, Limits], MediumRefused]
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (5, 48, 64, 3), np.uint8)
    frames = [Image.fromarray(frame) for frame in noise]
    delays = [5000, 40, 40, 40, 80]  # a title stands for a while before the motion starts
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=delays)
    medium = decode(content)
    assert medium.probe.duration == pytest.approx(5.2)
    assert medium.frames is not None
    assert len(medium.frames) == 5
    assert "lasts 5 s" in str(refusal(content, Limits(max_duration=5.1)))
    for end in range(0, len(content), max(1, len(content) // 50)):
        seconds = animation_seconds(io.BytesIO(content[:end]), kind)
        assert seconds is None or seconds <= 5.21


def test_one_frame_must_fit(refusal: Callable[[bytes, Limits], MediumRefused]) -> None:
    assert refusal(animation("GIF"), Limits(max_view_bytes=1000)).reason is Refusal.TOO_MANY_PIXELS


def outcome(content: bytes, decode: Decode) -> Refusal | None:
    try:
        decode(content)
    except MediumRefused as refused:
        return refused.reason
    return None


def test_damaged_bytes_never_bring_the_child_down(decode: Decode) -> None:
    rng = np.random.default_rng(1)
    reasons = []
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "HEIF", "TIFF", "BMP", "ICO"):
        content = encoded(Image.fromarray(scene()), kind)
        for _ in range(12):
            damaged = bytearray(content)
            for at in rng.integers(4, len(damaged), 12):
                damaged[at] = rng.integers(256)
            reasons.append(outcome(bytes(damaged), decode))
    assert Refusal.DECODER_DIED not in reasons
    assert None in reasons
    assert Refusal.CORRUPT in reasons


def test_in_memory_and_on_disk_are_the_same(decode: Decode) -> None:
    content = encoded(Image.fromarray(scene()), "PNG")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), scene())
    frames = decode(content).frames
    assert frames is not None
    assert frames.flags.writeable  # a private copy: torch wants one, and no child can change it


def test_an_animation_has_frames_in_a_row(decoder: Decoder, tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(animation("GIF"))
    medium = decoder.decode(path, frames=False, row=True)
    assert medium.row is not None
    assert [round(float(frame.mean())) for frame in medium.row] == [STEP * i for i in range(6)]
    path.write_bytes(encoded(Image.fromarray(scene()), "PNG"))
    assert decoder.decode(path, row=True).row is None
