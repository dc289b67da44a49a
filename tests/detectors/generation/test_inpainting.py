"""What the fillers put into a hole."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.errors import Unsuitable
from detectors.generation import patchmatch
from detectors.generation.inpainting import harmonic


def test_heat_flow_continues_a_plane_exactly() -> None:
    y, x = np.mgrid[:40, :50].astype(np.float32)
    plane = np.stack([x, y, x + 2 * y], axis=-1)
    hole = np.zeros((40, 50), bool)
    hole[10:30, 12:41] = True
    holed = plane.copy()
    holed[hole] = 999
    filled = harmonic(holed, hole)
    assert np.abs(filled - plane).max() < 1e-2
    assert np.array_equal(filled[~hole], plane[~hole])


def test_heat_flow_reaches_holes_at_the_edge_of_the_picture() -> None:
    flat = np.full((20, 20, 3), 7, np.float32)
    hole = np.zeros((20, 20), bool)
    hole[:8, :] = True
    holed = flat.copy()
    holed[hole] = 0
    assert np.allclose(harmonic(holed, hole), flat, atol=1e-4)


def test_patches_continue_a_pattern_that_heat_flow_blurs() -> None:
    y, x = np.mgrid[:96, :96]
    stripes = np.repeat((((x + y) // 4 % 2) * 200.0).astype(np.float32)[..., None], 3, axis=-1)
    hole = np.zeros((96, 96), bool)
    hole[36:58, 40:60] = True
    holed = stripes.copy()
    holed[hole] = 0
    filled = patchmatch.fill(holed, hole, np.random.default_rng(0))
    assert np.array_equal(filled[~hole], stripes[~hole])
    wrong = np.abs(filled - stripes)[hole].mean()
    assert wrong < 25
    assert wrong < np.abs(harmonic(holed, hole) - stripes)[hole].mean() / 3


def test_a_hole_without_surroundings_is_unsuitable() -> None:
    hole = np.ones((40, 40), bool)
    with pytest.raises(Unsuitable, match="no whole patch"):
        patchmatch.fill(np.zeros((40, 40, 3), np.float32), hole, np.random.default_rng(0))
