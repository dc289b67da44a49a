"""Folds: every source with faces is left out once, and its group with it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import detectors
from detectors.generation.self_blending import Face
from detectors.training.cross_validate import GROUPS, group_of
from detectors.training.veritag_face.__main__ import learn_without
from detectors.training.veritag_face.faces import SourceFace
from detectors.training.veritag_face.folds import folds
from detectors.training.veritag_face.recipe import Settings

NOTHING = Face(np.zeros((8, 8, 3), np.uint8), np.zeros((5, 2)))
SIZES = {
    "faces_stylegan": 9,
    "portraits_tpdne": 6,
    "mde_cameras": 1,
    "sixgen": 4,
    "quiz_kurlyto": 1,
    "elsewhere": 1,
}


def found(sizes: dict[str, int]) -> list[SourceFace]:
    return [
        SourceFace(source, f"{source}{n}", NOTHING) for source, size in sizes.items() for n in range(size)
    ]


def test_folds_share_no_group_and_miss_no_source() -> None:
    made = folds(found(SIZES))
    assert [fold.name for fold in made] == [
        "faces_stylegan",
        "mde_cameras+portraits_tpdne",
        "elsewhere+quiz_kurlyto+sixgen",
    ]
    for fold in made:
        assert all(set(group_of(source)) <= fold.left_out for source in fold.left_out)
        assert not fold.left_out & {face.source for face in fold.rest}
        assert {face.source for face in fold.rest} == SIZES.keys() - fold.left_out
    assert sum(len(fold.left_out) for fold in made) == len(
        frozenset().union(*(fold.left_out for fold in made))
    )
    assert {source for fold in made for source in fold.left_out} >= SIZES.keys()


def test_sources_without_faces_are_left_out_with_their_group() -> None:
    made = {fold.name: fold.left_out for fold in folds(found(SIZES))}
    assert made["faces_stylegan"] == {"faces_stylegan", "exif_samples"}
    assert {"faces_real_only"} < made["mde_cameras+portraits_tpdne"]


def test_no_source_is_in_two_groups() -> None:
    listed = [source for group in GROUPS for source in group]
    assert len(listed) == len(set(listed))


def test_few_groups_make_few_folds() -> None:
    assert len(folds(found({"sixgen": 2, "elsewhere": 1}))) == 2
    with pytest.raises(ValueError, match="two groups"):
        folds(found({"portraits_tpdne": 2, "mde_cameras": 1}))


def test_a_fold_leaves_weights_that_say_what_they_learned_from(faces: list[Face], tmp_path: Path) -> None:
    torch.set_num_threads(1)
    own = [
        SourceFace(source, "", face) for source, face in zip(("one", "two", "sixgen"), faces, strict=False)
    ]
    first = folds(own)[0]
    few = replace(Settings(), chunks=1, chunk=4, reuse=1, batch=4)
    learn_without(first, few, 0, tmp_path, 0)
    made = tmp_path / first.name / "veritag_face.json"
    detector = detectors.create(str(made))
    assert {data.name for data in detector.record.trained_on} == {"one", "two", "sixgen"} - first.left_out
    assert not detector.record.calibration
    assert json.loads(made.read_text())["settings"]["chunks"] == 1
