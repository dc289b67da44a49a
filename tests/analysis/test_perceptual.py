"""Near copies are told from other media, from edited ones, and from ones that show more."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from analysis.model import Kind, Likeness, Probe
from analysis.perceptual import MOST_FRAMES, Sketch, is_copy, likeness_of
from tests.analysis.media import encoded, photo

PICTURE = Probe(Kind.IMAGE, "image/jpeg", 0)
CLIP = Probe(Kind.VIDEO, "video/mp4", 0, duration=5.0)


def again(picture: Image.Image, kind: str = "JPEG", quality: int = 75) -> Image.Image:
    return Image.open(io.BytesIO(encoded(picture, kind, quality=quality))).convert("RGB")


def scaled(picture: Image.Image, factor: float) -> Image.Image:
    return picture.resize((round(picture.width * factor), round(picture.height * factor)))


def of(*pictures: Image.Image, probe: Probe = PICTURE) -> Likeness:
    found = likeness_of([np.asarray(picture) for picture in pictures], probe)
    assert found is not None
    return found


def copied(earlier: Likeness, new: Likeness) -> bool:
    """What a look-up and the sketches say together."""
    found = not set(earlier.pieces).isdisjoint(new.pieces)
    return found and is_copy(Sketch.unpack(earlier.sketch), Sketch.unpack(new.sketch))


def edited(picture: Image.Image, area: float, colour: tuple[int, int, int] | None = None) -> Image.Image:
    """A part of another picture, or one colour, in an ellipse with a soft edge."""
    width, height = (round(side * area**0.5) for side in picture.size)
    patch = Image.new("RGB", picture.size, colour) if colour else photo(99, *picture.size)
    mask = Image.new("L", picture.size)
    mask.paste(255, (60, 50, 60 + width, 50 + height))
    return Image.composite(patch, picture, mask.filter(ImageFilter.GaussianBlur(1)))


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: again(picture, quality=50),
        lambda picture: again(picture, quality=90),
        lambda picture: again(picture, "WEBP", 75),
        lambda picture: again(scaled(picture, 0.75), quality=85),
        lambda picture: again(scaled(picture, 0.5), quality=85),
        lambda picture: again(scaled(again(scaled(picture, 0.8), quality=70), 0.9), "WEBP", 80),
    ],
)
def test_a_picture_that_was_encoded_or_scaled_again_is_a_copy(
    change: Callable[[Image.Image], Image.Image],
) -> None:
    for seed in range(3):
        original = again(photo(seed), quality=92)
        assert copied(of(original), of(change(original))), seed


@pytest.mark.parametrize("area", [0.01, 0.03, 0.1])
def test_an_edited_picture_is_no_copy(area: float) -> None:
    for seed in range(3):
        original = photo(seed)
        assert not copied(of(original), of(again(edited(original, area)))), seed
        assert not copied(of(original), of(again(edited(original, area, (90, 160, 110))))), seed


def test_a_part_in_another_colour_of_the_same_brightness_is_no_copy() -> None:
    original = photo(1)
    brightness, blue, red = original.convert("YCbCr").split()
    mask = Image.new("L", original.size)
    mask.paste(255, (100, 100, 140, 130))
    turned = Image.composite(red.point(lambda level: min(255, level + 40)), red, mask)
    recoloured = Image.merge("YCbCr", (brightness, blue, turned)).convert("RGB")
    assert not copied(of(original), of(recoloured))


def test_other_pictures_are_no_copies() -> None:
    known = [of(photo(seed)) for seed in range(8)]
    assert sum(copied(one, other) for one in known for other in known) == len(known)


def test_a_spoilt_copy_does_not_answer_for_what_shows_more() -> None:
    original = photo(2)
    for spoilt in (again(original, quality=10), original.filter(ImageFilter.GaussianBlur(1.5))):
        assert not copied(of(spoilt), of(original))


def frames(*seeds: int) -> list[Image.Image]:
    return [photo(seed, 160, 120) for seed in seeds]


def test_clips_are_copies_where_every_frame_is() -> None:
    original = frames(1, 2, 3, 4, 5)
    copy = [again(frame) for frame in original]
    assert copied(of(*original, probe=CLIP), of(*copy, probe=CLIP))
    forged = [*copy[:3], again(edited(original[3], 0.05)), copy[4]]
    assert not copied(of(*original, probe=CLIP), of(*forged, probe=CLIP))


def test_clips_of_another_length_are_no_copies() -> None:
    original = frames(1, 2, 3, 4, 5)
    clip = of(*original, probe=CLIP)
    assert not copied(clip, of(*original, probe=replace(CLIP, duration=6.0)))
    assert not copied(clip, of(*original[:4], probe=CLIP))
    assert not copied(of(original[0]), of(original[0], probe=CLIP))


@pytest.mark.parametrize(
    ("shape", "count", "kind"),
    [
        ((40, 300), 1, Kind.IMAGE),  # tiny
        ((120, 160), 0, Kind.VIDEO),  # nothing to see
        ((120, 160), MOST_FRAMES + 1, Kind.VIDEO),
        ((120, 160), 1, Kind.AUDIO),
    ],
)
def test_what_cannot_be_recognised(shape: tuple[int, int], count: int, kind: Kind) -> None:
    picture = np.asarray(photo(1, shape[1], shape[0]))
    assert likeness_of([picture] * count, Probe(kind, "", 0)) is None


def test_a_plain_picture_cannot_be_recognised() -> None:
    page: NDArray[np.uint8] = np.full((200, 200, 3), 250, np.uint8)
    page[90:94, 40:160] = 220
    assert likeness_of([page], PICTURE) is None


def test_a_sketch_is_what_was_stored() -> None:
    stored = of(*frames(1, 2), probe=CLIP).sketch
    sketch = Sketch.unpack(stored)
    assert sketch.pack() == stored
    assert (sketch.kind, sketch.duration) == (Kind.VIDEO, 5.0)
    assert sketch.brightness.shape == (2, 64, 64)
    assert sketch.colour.shape == (2, 32, 32, 2)
