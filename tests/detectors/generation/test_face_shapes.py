from __future__ import annotations

import numpy as np
import pytest

from detectors.generation import face_shapes

FIVE = face_shapes.MEAN_FIVE * 100 + 30


def test_the_mean_face_is_symmetric_and_its_five_points_lie_where_a_finder_puts_them() -> None:
    assert face_shapes.MEAN_FACE.shape == (81, 2)
    mirrored = face_shapes.MEAN_FACE * (-1, 1) + (1, 0)
    for point in mirrored:
        assert np.abs(face_shapes.MEAN_FACE - point).sum(axis=1).min() < 1e-9
    left, right, nose, *corners = face_shapes.MEAN_FIVE
    assert left[0] < nose[0] < right[0]
    assert left[1] == pytest.approx(right[1])
    assert all(corner[1] > nose[1] for corner in corners)


def test_a_fit_carries_the_mean_face_onto_the_points() -> None:
    turn = np.array([[0.9, -0.3], [0.2, 1.1]])
    fitted = face_shapes.fit(FIVE @ turn.T + 7)
    assert fitted == pytest.approx((face_shapes.MEAN_FACE * 100 + 30) @ turn.T + 7)


def test_an_affine_map_and_its_inverse_cancel() -> None:
    matrix = np.array([[1.2, 0.1, 5], [-0.3, 0.8, 2]])
    there = face_shapes.apply(matrix, FIVE)
    assert face_shapes.apply(face_shapes.inverse(matrix), there) == pytest.approx(FIVE)
    assert face_shapes.affine(FIVE, there) == pytest.approx(matrix)


@pytest.mark.parametrize("shape", face_shapes.SHAPES)
def test_every_shape_lies_on_the_face(shape: str) -> None:
    points = face_shapes.fit(FIVE)
    mask = face_shapes.draw(points, shape, (160, 180), np.random.default_rng(3))
    rows, columns = np.nonzero(mask)
    low, high = points.min(axis=0) - 20, points.max(axis=0) + 20
    assert set(np.unique(mask)) == {0.0, 1.0}
    assert (columns.min(), rows.min()) >= tuple(low.astype(int))
    assert columns.max() <= high[0]
    assert rows.max() <= high[1]


def test_masks_without_the_forehead_end_at_the_brows() -> None:
    points, rng = face_shapes.fit(FIVE), np.random.default_rng(0)
    whole, lower = (face_shapes.draw(points, shape, (160, 180), rng) for shape in ("whole", "lower"))
    assert np.nonzero(whole)[0].min() < points[17:27, 1].min() < np.nonzero(lower)[0].min()


def test_random_masks_are_soft_repeat_and_vanish_off_the_face() -> None:
    first, shape = face_shapes.random_mask(FIVE, (400, 300), np.random.default_rng(5))
    again, _ = face_shapes.random_mask(FIVE, (400, 300), np.random.default_rng(5))
    assert first.shape == (300, 400)
    assert shape in face_shapes.SHAPES
    assert (first == again).all()
    assert 0.9 < first.max() <= 1
    assert ((first > 0.05) & (first < 0.95)).any()
    assert not first[:, 250:].any()


def test_softening_shrinks_and_keeps_what_would_vanish() -> None:
    mask = np.zeros((60, 60), dtype=np.float32)
    mask[20:40, 20:40] = 1
    soft = face_shapes.soften(mask, 3, 1)
    assert soft[30, 30] == pytest.approx(1, abs=1e-3)
    assert soft[20, 20] < 0.1
    thin = np.zeros((60, 60), dtype=np.float32)
    thin[30, 10:50] = 1
    assert face_shapes.soften(thin, 3, 1).max() == pytest.approx(1)
