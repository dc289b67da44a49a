from __future__ import annotations

import numpy as np
import pytest

from detectors.training import augment
from tests.detectors.training.conftest import picture


@pytest.fixture
def face() -> np.ndarray:
    return np.array(picture(np.random.default_rng(1), 96, fake=False))


def test_genconvits_list_keeps_shape_and_repeats_for_a_seed(face: np.ndarray) -> None:
    drawn = [augment.genconvit(face, np.random.default_rng(seed)) for seed in range(60)]
    again = [augment.genconvit(face, np.random.default_rng(seed)) for seed in range(60)]
    assert all(one.shape == face.shape and one.dtype == np.uint8 for one in drawn)
    assert all(np.array_equal(one, two) for one, two in zip(drawn, again, strict=True))
    unchanged = sum(np.array_equal(one, face) for one in drawn)
    assert 1 <= unchanged <= 20
    assert len({one.tobytes() for one in drawn}) > 35


@pytest.mark.parametrize("number", range(len(augment._GENCONVIT)))
def test_each_augmentation_changes_a_face_but_not_beyond_recognition(number: int, face: np.ndarray) -> None:
    _, one = augment._GENCONVIT[number]
    for seed in range(8):
        changed = one(face, np.random.default_rng(seed))
        assert changed.shape == face.shape
        assert changed.dtype == np.uint8
        assert abs(float(changed.mean()) - float(face.mean())) < 60
    assert any(not np.array_equal(one(face, np.random.default_rng(seed)), face) for seed in range(8))


@pytest.mark.parametrize("name", ["_equalise", "_sharpen", "_emboss", "_change_contrast"])
def test_each_choice_of_one_of_them(name: str, face: np.ndarray) -> None:
    changed = getattr(augment, name)(face, np.random.default_rng(2))
    assert changed.shape == face.shape
    assert not np.array_equal(changed, face)
    assert np.corrcoef(changed.ravel(), face.ravel())[0, 1] > 0.5


def test_a_turn_about_the_middle_keeps_the_middle() -> None:
    spot = np.zeros((65, 65, 3), np.uint8)
    spot[28:37, 28:37] = 255
    for seed in range(10):
        turned = augment._shift_scale_rotate(spot, np.random.default_rng(seed))
        rows, columns = np.nonzero(turned[..., 0] > 128)
        assert abs(rows.mean() - 32) <= 0.0625 * 65 * 1.2
        assert abs(columns.mean() - 32) <= 0.0625 * 65 * 1.2


def test_blur_and_compression_and_crops(face: np.ndarray) -> None:
    drawn = [augment.blurred_or_compressed(face, np.random.default_rng(seed)) for seed in range(40)]
    unchanged = sum(np.array_equal(one, face) for one in drawn)
    assert 4 <= unchanged <= 18  # a quarter
    assert np.array_equal(augment.centre_crop(face, 32), face[32:64, 32:64])
    assert augment.random_crop(face, 96, np.random.default_rng(0)).shape == face.shape
    mirrored = [augment.mirrored(face, np.random.default_rng(seed)) for seed in range(8)]
    assert any(np.array_equal(one, face[:, ::-1]) for one in mirrored)
    assert any(np.array_equal(one, face) for one in mirrored)
