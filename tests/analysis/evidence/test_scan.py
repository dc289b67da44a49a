"""Scanning: parts judged as media of their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from analysis.evidence.scan import MOST_CROPS, MOST_WINDOWS, grid, scan_picture, scan_sound
from detectors.errors import NotApplicable
from tests.analysis.fakes import Brightness, Loudness


def test_the_bright_corner_scores_highest() -> None:
    picture = torch.zeros(600, 900, 3, dtype=torch.uint8)
    picture[360:, 660:] = 255
    patches = scan_picture(Brightness(), picture)
    best = max(patches, key=lambda patch: patch.score)
    assert 1 < len(patches) <= MOST_CROPS
    assert best.score == pytest.approx(1.0)
    assert best.left >= 660
    assert best.top >= 360
    covered = np.zeros((600, 900), bool)
    for patch in patches:
        covered[patch.top : patch.top + patch.height, patch.left : patch.left + patch.width] = True
    assert covered.all()


def test_squares_overlap_and_stay_inside() -> None:
    for height, width, side in ((128, 128, 128), (600, 900, 150), (301, 130, 128)):
        boxes = grid(height, width, side)
        assert min(boxes) == (0, 0)
        assert max(left for left, _ in boxes) == width - side
        assert max(top for _, top in boxes) == height - side


class Choosy(Brightness):
    """Judges only pictures of 300 pixels and more."""

    def preprocess(self, view: torch.Tensor) -> torch.Tensor:
        if view.shape[1] < 300:
            raise NotApplicable("too small")
        return super().preprocess(view)


def test_squares_grow_until_the_detector_takes_them() -> None:
    patches = scan_picture(Choosy(), torch.zeros(600, 900, 3, dtype=torch.uint8))
    assert {patch.width for patch in patches} == {patches[0].width}
    assert 300 <= patches[0].width < 600


def test_no_squares_where_only_the_whole_can_be_judged() -> None:
    assert scan_picture(Choosy(), torch.zeros(280, 900, 3, dtype=torch.uint8)) == []
    assert scan_picture(Brightness(), torch.zeros(100, 100, 3, dtype=torch.uint8)) == []


def test_sound_in_stretches() -> None:
    sound = torch.zeros(16_000 * 20)
    sound[16_000 * 16 :] = 0.5
    windows = scan_sound(Loudness(), sound)
    assert [round(window.start) for window in windows] == [0, 4, 8, 12, 16]
    assert max(windows, key=lambda window: window.score) == windows[-1]
    assert len(scan_sound(Loudness(), torch.zeros(16_000 * 300))) == MOST_WINDOWS
    assert scan_sound(Loudness(), torch.zeros(16_000 * 7)) == []
