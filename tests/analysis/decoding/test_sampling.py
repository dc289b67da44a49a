"""The two ways of choosing frames, against the formulas that they cite."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.decoding.sampling import frame_indices
from analysis.limits import Sampling


@pytest.mark.parametrize("count", [0, 1, 14, 15, 16, 29, 30, 113, 300, 907])
def test_published_is_every_nth_frame_from_the_first(count: int) -> None:
    # The published code: step = max(1, n // 15); range(0, n, step)[:15].
    step = max(1, count // 15)
    assert frame_indices(count, 15, Sampling.PUBLISHED) == [i for i in range(count) if i % step == 0][:15]


def test_published_on_the_reference_clips() -> None:
    assert frame_indices(113, 15, Sampling.PUBLISHED)[-1] == 98
    assert frame_indices(907, 15, Sampling.PUBLISHED)[-1] == 840
    assert frame_indices(300, 15, Sampling.PUBLISHED)[-1] == 280


@pytest.mark.parametrize("count", [15, 16, 29, 30, 113, 300, 907])
def test_linspace_is_numpys(count: int) -> None:
    expected = np.round(np.linspace(0, count - 1, 15)).astype(int).tolist()
    assert frame_indices(count, 15, Sampling.LINSPACE) == expected


@pytest.mark.parametrize("count", [0, 1, 5])
def test_linspace_takes_every_frame_of_a_short_clip_once(count: int) -> None:
    assert frame_indices(count, 15, Sampling.LINSPACE) == list(range(count))


def test_linspace_of_one_is_the_first() -> None:
    assert frame_indices(9, 1, Sampling.LINSPACE) == [0]
