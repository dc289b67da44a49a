"""What every registered generator keeps, whoever adds it."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from detectors.base import Modality
from detectors.errors import NotApplicable, Unsuitable
from detectors.generation import base
from tests.detectors.generation.media import picture, sound

PICTURES = [name for name in base.names() if base.entry(name).modality is Modality.IMAGE]
SOUNDS = [name for name in base.names() if base.entry(name).modality is Modality.AUDIO]


PORTRAIT = Path(__file__).parents[3] / "samples" / "inbox" / "media" / "astronaut.jpg"
NEEDS_A_FACE = {"self_blended"}


def real_for(name: str, seed: int, *size: int) -> base.Pixels:
    """A picture that the generator has a use for: made up, or a corner less of a portrait."""
    if name not in NEEDS_A_FACE:
        return picture(seed, *size)
    with Image.open(PORTRAIT) as image:
        return np.array(image.convert("RGB"))[seed:, seed:]


def make(name: str, real: base.Pixels, seed: int) -> base.PictureFake:
    pytest.importorskip(base.entry(name).module)
    generate = base.picture_generator(name)
    rng = np.random.default_rng(seed)
    arguments = (real, rng, picture(1000 + seed)) if base.entry(name).donor else (real, rng)
    return base.PictureFake(*generate(*arguments))


def fake_of(name: str, real: base.Pixels, seed: int) -> base.PictureFake:
    """One fake; skips the test where the generator has no use for such a picture, and says why."""
    try:
        return make(name, real, seed)
    except (Unsuitable, NotApplicable) as reason:
        pytest.skip(f"{name} has no use for this test's picture: {reason}")


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("seed", range(3))
def test_a_picture_is_changed_only_where_the_mask_says(name: str, seed: int) -> None:
    real = real_for(name, seed, 160 + seed, 201)
    before = real.copy()
    fake, mask, description = fake_of(name, real, seed)
    assert np.array_equal(real, before), "the real picture is left alone"
    assert fake.shape == real.shape
    assert fake.dtype == np.uint8
    assert not np.array_equal(fake, real)
    if mask is not None:
        assert mask.shape == real.shape[:2]
        assert mask.dtype == np.float32
        assert 0 <= mask.min() <= mask.max() <= 1
        assert np.array_equal(fake[mask == 0], real[mask == 0])
    assert json.loads(json.dumps(description)) == description


@pytest.mark.parametrize("name", PICTURES)
def test_the_same_state_gives_the_same_picture_and_another_another(name: str) -> None:
    first, second, other = (fake_of(name, real_for(name, 5), seed) for seed in (1, 1, 2))
    assert np.array_equal(first.picture, second.picture)
    assert first.description == second.description
    assert not np.array_equal(first.picture, other.picture)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("size", [(1, 1), (63, 300), (64, 700)])
def test_a_picture_of_any_size_has_a_fake_of_that_size_or_is_unsuitable(
    name: str, size: tuple[int, int]
) -> None:
    real = picture(3, *size)
    with suppress(Unsuitable, NotApplicable):
        assert make(name, real, 0).picture.shape == real.shape


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("seed", range(2))
def test_a_sound_keeps_its_length_and_the_same_state_gives_the_same(name: str, seed: int) -> None:
    pytest.importorskip(base.entry(name).module)
    generate = base.sound_generator(name)
    real = sound(seed, 1.01)
    before = real.copy()
    (fake, description), (again, _) = (generate(real, np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(real, before), "the real sound is left alone"
    assert fake.shape == real.shape
    assert fake.dtype == np.float32
    assert np.isfinite(fake).all()
    assert np.abs(fake).max() <= 1
    assert not np.array_equal(fake, real)
    assert np.array_equal(fake, again)
    assert json.loads(json.dumps(description)) == description
