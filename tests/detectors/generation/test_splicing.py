"""Masks and the levelling of what is pasted in."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from detectors.errors import Unsuitable
from detectors.generation import base
from detectors.generation.laundering.pictures import Jpeg
from detectors.generation.masks import KINDS, random_mask, soften
from detectors.generation.splicing import copy_move, noise_level, splice
from tests.detectors.generation.media import picture
from tests.detectors.generation.test_contract import fake_of


def test_masks_of_all_kinds_are_soft_whole_and_about_as_large_as_asked() -> None:
    kinds = set()
    for seed in range(24):
        mask, drawn = random_mask(
            picture(seed), np.random.default_rng(seed), (0.05, 0.15), softness=(1, 4), whole=True
        )
        kinds.add(drawn["kind"])
        assert mask.max() == 1
        assert 0.005 < mask.mean() < 0.35
        assert ((mask > 0) & (mask < 1)).any(), "the edge is soft"
        border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        assert border.max() < 0.05, "and soft all around"
    assert kinds == set(KINDS)


def test_softening_ends_in_exact_zeros() -> None:
    hard = np.zeros((60, 60), bool)
    hard[20:40, 20:40] = True
    soft = soften(hard, 2)
    assert soft[30, 30] == 1
    assert soft[0, 0] == 0
    assert soft[soft > 0].min() >= 1 / 255


def test_noise_level_is_that_of_the_noise_that_was_added() -> None:
    flat = np.full((200, 200, 3), 100, np.float32)
    flat += np.random.default_rng(0).normal(0, 5, (200, 200, 1)).astype(np.float32)
    assert noise_level(flat, np.ones((200, 200), np.float32)) == pytest.approx(5, rel=0.1)


def test_mismatches_are_kept_in_some_splices_and_levelled_in_others() -> None:
    seen = [splice(picture(0), np.random.default_rng(seed), picture(1)).description for seed in range(30)]
    assert {tuple(drawn["levelled"]) for drawn in seen} == {(), ("colour",), ("noise",), ("colour", "noise")}
    assert {"donor_jpeg" in drawn for drawn in seen} == {True, False}


def test_levelled_colour_is_nearer_to_what_it_covers() -> None:
    dark, bright = picture(0) // 3, 160 + picture(1) // 3
    distance: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(30):
        fake, mask, drawn = splice(dark, np.random.default_rng(seed), bright)
        assert mask is not None
        away = np.abs(fake[mask > 0.9] - dark.mean())
        distance["colour" in drawn["levelled"]].append(float(away.mean()))
    assert max(np.mean(distance[True]), 1) < np.mean(distance[False]) / 2


def test_copy_move_takes_its_object_from_the_picture_itself() -> None:
    red = np.zeros((120, 120, 3), np.uint8)
    red[..., 0] = np.asarray(Image.radial_gradient("L").resize((120, 120)))
    fake, _, drawn = copy_move(red, np.random.default_rng(1))
    assert fake[..., 1:].max() == 0
    assert drawn["levelled"] == []


def test_a_splice_takes_any_size_of_donor() -> None:
    real = picture(2)
    for donor in (picture(3, 64, 64), picture(3, 500, 90), Jpeg(50)(picture(4, 300, 400))):
        assert splice(real, np.random.default_rng(0), donor).picture.shape == real.shape


@pytest.mark.parametrize("name", ["copy_move", "inpaint_diffusion", "inpaint_patches", "splice"])
def test_masks_hold_what_was_changed_and_little_else(name: str) -> None:
    for seed in range(4):
        real = picture(seed)
        fake, mask, _ = fake_of(name, real, seed)
        assert mask is not None
        changed = (fake != real).any(axis=-1)
        assert 0 < changed.mean() < 0.6
        assert changed[mask > 0.9].mean() > 0.5


@pytest.mark.parametrize("name", ["copy_move", "inpaint_diffusion", "inpaint_patches", "splice"])
@pytest.mark.parametrize("size", [(1, 1), (63, 300)])
def test_small_pictures_are_unsuitable(name: str, size: tuple[int, int]) -> None:
    generate = base.picture_generator(name)
    arguments = (picture(9),) if base.entry(name).donor else ()
    with pytest.raises(Unsuitable, match="64 px"):
        generate(picture(3, *size), np.random.default_rng(0), *arguments)
