"""MTCNN: the published cascade's boxes, on any frame."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from detectors.faces.mtcnn import MTCNN, scales, suppress

MEDIA = Path(__file__).parents[3] / "samples" / "inbox" / "media"


@pytest.fixture(scope="module")
def finder() -> MTCNN:
    return MTCNN()


def picture(name: str, size: tuple[int, int] | None = None) -> Tensor:
    image = Image.open(MEDIA / name).convert("RGB")
    return torch.from_numpy(np.array(image if size is None else image.resize(size)))


def crowd() -> Tensor:
    face = picture("astronaut.jpg", (256, 256))
    return torch.cat([torch.cat([face, face.flip(1)]), torch.cat([face.flip(1), face])], dim=1)


def suppress_each(boxes: Tensor, scores: Tensor, owner: Tensor, overlap: float) -> Tensor:
    return suppress(boxes + owner[:, None] * 10_000, scores, overlap)


@pytest.mark.parametrize("min_face", [20, 40])
def test_boxes_are_those_of_the_package(
    finder: MTCNN, min_face: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from facenet_pytorch.models.utils import detect_face

    monkeypatch.setattr(detect_face, "batched_nms", suppress_each)
    frames = torch.stack([crowd(), picture("gravel.jpg"), picture("astronaut.jpg")])
    networks = finder._propose, finder._refine, finder._decide
    with torch.inference_mode():
        boxes, points = detect_face.detect_face(frames, min_face, *networks, [0.6, 0.7, 0.7], 0.709, "cpu")
    found = finder.find(frames, min_face)
    assert [len(faces.boxes) for faces in found] == [4, 0, 1]
    for faces, published, landmarks in zip(found, boxes, points, strict=True):
        rows = np.array(published, dtype=float).reshape(-1, 5)
        order = (-rows[:, 4]).argsort(kind="stable")
        assert faces.boxes == pytest.approx(rows[order, :4], abs=0.01)
        assert faces.scores == pytest.approx(rows[order, 4], abs=1e-5)
        assert faces.landmarks == pytest.approx(
            np.array(landmarks, dtype=float)[order].reshape(-1, 5, 2), abs=0.01
        )


def test_points_are_eyes_nose_and_mouth(finder: MTCNN) -> None:
    (faces,) = finder.find(picture("astronaut.jpg")[None])
    x1, y1, x2, y2 = faces.boxes[0]
    left, right, nose, *mouth = faces.landmarks[0]
    assert x1 < left[0] < nose[0] < right[0] < x2
    assert y1 < left[1] < nose[1] < min(corner[1] for corner in mouth) < y2


def test_stacked_frames_are_judged_as_each_alone(finder: MTCNN) -> None:
    frames = torch.stack([crowd(), picture("gravel.jpg")] * 9)
    found = finder.find(frames, 40)
    for together, alone in zip(
        found, [*finder.find(frames[:1], 40), *finder.find(frames[1:2], 40)] * 9, strict=True
    ):
        assert together.boxes == pytest.approx(alone.boxes, abs=0.01)
    again = finder.find(frames, 40)
    assert all(np.array_equal(one.boxes, other.boxes) for one, other in zip(found, again, strict=True))


@pytest.mark.parametrize("shape", [(1, 1), (11, 300), (19, 19), (20, 20), (21, 4000)])
@pytest.mark.parametrize("level", [0, 255])
def test_small_and_blank_frames_have_no_face(finder: MTCNN, shape: tuple[int, int], level: int) -> None:
    (faces,) = finder.find(torch.full((1, *shape, 3), level, dtype=torch.uint8))
    assert faces.boxes.shape == (0, 4)
    assert faces.scores.shape == (0,)
    assert faces.landmarks.shape == (0, 5, 2)


def test_no_frames_no_faces(finder: MTCNN) -> None:
    assert finder.find(torch.zeros(0, 50, 50, 3, dtype=torch.uint8)) == []


def test_noise_is_searched_without_failing(finder: MTCNN) -> None:
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (2, 97, 133, 3), generator=generator, dtype=torch.uint8)
    assert len(finder.find(frames, 12)) == 2


def test_a_face_cut_off_by_the_frame_is_found(finder: MTCNN) -> None:
    (faces,) = finder.find(picture("astronaut.jpg")[None, 60:, 195:])
    assert faces.scores[0] > 0.9


def test_scales_reach_from_the_smallest_face_to_the_frame() -> None:
    found = scales(100, 60, 20)
    assert found[0] == pytest.approx(0.6)
    assert all(after == pytest.approx(before * 0.709) for before, after in itertools.pairwise(found))
    assert 60 * found[-1] >= 12 > 60 * found[-1] * 0.709
    assert scales(19, 1000, 20) == []


def test_suppression_by_the_union_and_by_the_smaller_box() -> None:
    boxes = torch.tensor([[0, 0, 10, 10], [0, 0, 10, 6], [20, 20, 30, 30], [2, 2, 6, 6]]).float()
    scores = torch.tensor([0.8, 0.9, 0.7, 0.6])
    assert suppress(boxes, scores, 0.5).tolist() == [1, 2, 3]
    assert suppress(boxes, scores, 0.61).tolist() == [1, 0, 2, 3]
    assert suppress(boxes, scores, 0.7, of_smaller=True).tolist() == [1, 2]
