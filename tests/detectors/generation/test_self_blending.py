from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detectors.errors import Unsuitable
from detectors.generation import face_shapes
from detectors.generation.self_blending import (
    Face,
    blend,
    degrade,
    harmonise,
    largest_face,
    lend,
    self_blended,
    shift_colours,
)

MEDIA = Path(__file__).parents[3] / "samples" / "inbox" / "media"


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return np.array(Image.open(MEDIA / "astronaut.jpg").convert("RGB"))


@pytest.fixture(scope="module")
def face(portrait: np.ndarray) -> Face:
    return largest_face(portrait)


def flat(value: int) -> np.ndarray:
    return np.full((80, 90, 3), value, dtype=np.uint8)


def test_the_same_state_gives_the_same_fake_and_only_the_mask_is_touched(portrait: np.ndarray) -> None:
    fake, mask, description = self_blended(portrait, np.random.default_rng(4))
    again, _, _ = self_blended(portrait, np.random.default_rng(4))
    other, _, _ = self_blended(portrait, np.random.default_rng(5))
    assert (fake == again).all()
    assert (fake != other).any()
    assert fake.shape == portrait.shape
    assert mask.shape == portrait.shape[:2]
    assert mask.dtype == np.float32
    assert (fake[mask == 0] == portrait[mask == 0]).all()
    assert np.abs(fake[mask > 0.5].astype(int) - portrait[mask > 0.5]).mean() > 0.5
    assert description["source"] == "self"
    assert mask.max() <= description["ratio"]


def test_pictures_without_a_face_are_refused() -> None:
    with pytest.raises(Unsuitable, match="no face of at least 64 pixels"):
        self_blended(np.array(Image.open(MEDIA / "gravel.jpg").convert("RGB")), np.random.default_rng(0))


def test_half_of_the_pairs_have_their_background_altered(face: Face) -> None:
    made = [blend(face, np.random.default_rng(seed)) for seed in range(24)]
    altered = [pair for pair in made if pair.description["altered"] == "target"]
    assert 5 <= len(altered) <= 19
    assert all((pair.real != face.picture).any() for pair in altered)
    assert all((pair.fake[pair.mask == 0] == pair.real[pair.mask == 0]).all() for pair in made)
    kept = [pair for pair in made if pair.description["altered"] == "source"]
    assert all((pair.real == face.picture).all() for pair in kept)


def test_a_donor_is_laid_over_the_points_in_the_target_colours(face: Face) -> None:
    red = Face(np.zeros((120, 120, 3), dtype=np.uint8), face_shapes.MEAN_FIVE * 60 + 30)
    red.picture[..., 0] = np.random.default_rng(0).integers(100, 200, (120, 120))
    mask, _ = face_shapes.random_mask(face.points, face.picture.shape[1::-1], np.random.default_rng(0))
    laid = lend(red, face, mask, np.random.default_rng(0))
    inside = mask > 0.5
    assert laid.shape == face.picture.shape
    assert np.abs(laid[inside].mean(axis=0) - face.picture[inside].mean(axis=0)).max() < 40
    assert blend(face, np.random.default_rng(1), donor=red).description["source"] == "donor"


def test_a_coder_gives_what_is_pasted_in(face: Face) -> None:
    made = blend(face, np.random.default_rng(2), coder=lambda picture, points, rng: 255 - picture)
    assert made.description["source"] == "coded"
    assert np.abs(made.fake[made.mask > 0.4].astype(int) - made.real[made.mask > 0.4]).mean() > 15


def test_harmonising_takes_coarse_light_and_keeps_detail() -> None:
    source = flat(60)
    source[::2] = 80
    made = harmonise(source, flat(170), 10)
    assert made.mean() == pytest.approx(170, abs=2)
    assert made[::2].mean() - made[1::2].mean() == pytest.approx(20, abs=2)


def test_colours_shift_but_stay_a_picture(portrait: np.ndarray) -> None:
    shifted = shift_colours(portrait, np.random.default_rng(1))
    assert shifted.dtype == np.uint8
    assert 1 < np.abs(shifted.astype(int) - portrait).mean() < 60


def test_every_way_to_degrade_keeps_the_size(portrait: np.ndarray) -> None:
    seen = {}
    for seed in range(40):
        picture, kind = degrade(portrait[:120, :130], 60, np.random.default_rng(seed))
        assert picture.shape == (120, 130, 3)
        seen[kind] = picture
    assert seen.keys() == {"none", "scale", "blur", "sharpen", "jpeg", "noise"}
    assert (seen["none"] == portrait[:120, :130]).all()
    assert seen["blur"].astype(float).var() < portrait[:120, :130].astype(float).var()
