"""Reading local evidence: what fits is taken, rubbish is passed over."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.evidence import local
from analysis.evidence.local import FaceBox, Patch, Window
from analysis.model import Score


def score(value: float = 0.7, **evidence: Any) -> Score:
    return Score("d", value, applicable=True, evidence=evidence)


def test_patches() -> None:
    found = local.patches(score(patch_scores=[[0, 0, 8, 8, 0.25], (8, 0, 8, 8, 1)]))
    assert found == [Patch(0, 0, 8, 8, 0.25), Patch(8, 0, 8, 8, 1.0)]


@pytest.mark.parametrize(
    "rubbish",
    [None, 3, "abc", {}, [1, 2], [[1, 2, 3]], [[0, 0, 8, 8, 1.5]], [[0, 0, 0, 8, 0.5]], [[0, 0, 8, 8, "x"]]],
)
def test_rubbish_is_no_evidence(rubbish: object) -> None:
    assert local.patches(score(patch_scores=rubbish)) == []
    assert local.clip_scores(score(clip_scores=[rubbish])) == []
    assert local.faces(score(faces=[rubbish])) == []
    assert local.windows(score(window_scores=[rubbish], window_starts=[rubbish]), 9.0) == []
    assert local.frame_scores(score(frame_scores=[rubbish]), 1) == []


def test_frames_are_scored_all_or_none() -> None:
    assert local.frame_scores(score(frame_scores=[0.1, 0.9]), 2) == [0.1, 0.9]
    assert local.frame_scores(score(frame_scores=[0.1, 0.9]), 3) == []
    assert local.frame_scores(score(patch_scores=[[0, 0, 8, 8, 0.2], [0, 0, 8, 8, 0.4]]), 2) == [0.2, 0.4]


def test_a_single_face_has_the_detectors_score() -> None:
    face = {"frame": 0, "box": [1, 2, 3, 4], "confidence": 1.0}
    assert local.faces(score(faces=[face])) == [FaceBox(0, (1.0, 2.0, 3.0, 4.0), 0.7)]
    both = local.faces(score(faces=[face, {**face, "frame": 3}], face_scores=[0.1, 0.2]))
    assert [(found.frame, found.score) for found in both] == [(0, 0.1), (3, 0.2)]
    assert [found.score for found in local.faces(score(faces=[face, face]))] == [None, None]


def test_windows_last_until_the_next_begins() -> None:
    found = local.windows(score(window_scores=[0.1, 0.2, 0.3], window_starts=[0.0, 2.0, 8.0]), 9.0)
    assert found == [Window(0.0, 2.0, 0.1), Window(2.0, 4.0, 0.2), Window(8.0, 9.0, 0.3)]
    assert local.windows(score(window_scores=[0.1, 0.2]), 9.0) == []  # nobody knows where they are
    assert local.windows(score(window_scores=[0.1, 0.2], window_starts=[2.0, 2.0]), 9.0) == []
