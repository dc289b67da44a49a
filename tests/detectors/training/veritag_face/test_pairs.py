from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from detectors.generation.self_blending import Blend, Face
from detectors.training.measure import laplacian_variance
from detectors.training.veritag_face.pairs import MASK_SIDE, SIDE, FaceCoder, Pair, Sources, deliver


@pytest.fixture(scope="module")
def sources(faces: list[Face]) -> Sources:
    return Sources(faces, FaceCoder(faces))


@pytest.fixture(scope="module")
def pairs(sources: Sources) -> list[Pair]:
    rng = np.random.default_rng(1)
    return [sources.draw(rng, 0.7) for _ in range(60)]


def test_pairs_have_the_networks_sizes_and_repeat(sources: Sources, pairs: list[Pair]) -> None:
    for pair in pairs:
        assert pair.real.shape == pair.fake.shape == (SIDE, SIDE, 3)
        assert pair.real.dtype == pair.fake.dtype == np.uint8
        assert pair.mask.shape == (MASK_SIDE, MASK_SIDE)
        assert 0 <= pair.mask.min() <= pair.mask.max() <= 1
    again = sources.draw(np.random.default_rng(1), 0.7)
    assert (again.real == pairs[0].real).all()
    assert (again.fake == pairs[0].fake).all()


def test_fakes_differ_where_the_mask_says(pairs: list[Pair]) -> None:
    inside, outside = [], []
    for pair in pairs:
        change = np.abs(pair.fake.astype(float) - pair.real).mean(axis=2)
        cells = change.reshape(MASK_SIDE, 8, MASK_SIDE, 8).mean(axis=(1, 3))
        inside += cells[pair.mask > 0.5].tolist()
        outside += cells[pair.mask == 0].tolist()
    assert np.mean(inside) > 4 * np.mean(outside)


def test_neither_light_nor_blur_nor_contrast_tells_a_pairs_halves_apart(pairs: list[Pair]) -> None:
    for probe in (np.mean, np.std, lambda gray: np.log(laplacian_variance(gray) + 1)):
        values = [
            [float(probe(half.astype(np.float64).mean(axis=2))) for half in (pair.real, pair.fake)]
            for pair in pairs
        ]
        real, fake = np.array(values).T
        higher = (real[:, None] > fake[None]).mean()
        assert 0.35 < higher < 0.65


def test_a_delivery_leaves_equal_halves_equal(faces: list[Face]) -> None:
    face = faces[0]
    same = Blend(face.picture, face.picture, np.zeros(face.picture.shape[:2], np.float32))
    for seed in range(12):
        pair = deliver(same, face.points, np.random.default_rng(seed))
        assert (pair.real == pair.fake).all()


def test_a_coder_smooths_the_face_and_leaves_the_rest(portrait: Image.Image, faces: list[Face]) -> None:
    picture, points = np.array(portrait), faces[0].points
    coded = FaceCoder(faces)(picture, points, np.random.default_rng(0))
    assert coded.shape == picture.shape
    low, high = points.min(axis=0).astype(int), points.max(axis=0).astype(int)
    face = np.s_[low[1] : high[1], low[0] : high[0]]
    sharpness = [laplacian_variance(half[face].astype(np.float64).mean(axis=2)) for half in (picture, coded)]
    assert sharpness[1] < 0.8 * sharpness[0]
