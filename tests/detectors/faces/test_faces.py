from __future__ import annotations

import numpy as np
import pytest
import torch

import detectors
from detectors.errors import NotApplicable
from detectors.faces.alignment import crop_boxes, face_clips, similarity, template, to_template
from detectors.faces.landmarks import landmark_input, to_frame
from detectors.faces.retinaface import Faces, RetinaFace, find_faces, select, suppress
from detectors.faces.tracking import follow, tracks, usable, windows

NONE = Faces(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 5, 2)))


def face(x: float, y: float = 20, side: float = 100, score: float = 0.99) -> Faces:
    points = template(int(side)) + np.array([x, y])
    return Faces(np.array([[x, y, x + side, y + side]]), np.array([score]), points[None])


def both(one: Faces, other: Faces) -> Faces:
    return Faces(*(np.concatenate(pair) for pair in zip(one, other, strict=True)))


def video(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 160, 320, 3), generator=generator, dtype=torch.uint8)


def test_all_who_judge_clips_name_the_same_finder() -> None:
    finders = [
        detectors.record(name).parts["face_finder"] for name in ("ftcn", "styleflow", "styleflow_full")
    ]
    assert finders.count(finders[0]) == len(finders)


@pytest.mark.parametrize("shape", [(1, 1, 3), (33, 65, 3), (120, 90, 3)])
def test_any_frame_can_be_searched(shape: tuple[int, ...]) -> None:
    torch.manual_seed(2)
    network = RetinaFace().eval()
    first, second = find_faces(network, torch.zeros(2, *shape, dtype=torch.uint8))
    assert first.boxes.shape[1:] == (4,)
    assert first.landmarks.shape[1:] == (5, 2)
    assert np.array_equal(first.boxes, second.boxes)
    assert (np.diff(first.scores) <= 0).all()


def test_a_smaller_copy_gives_boxes_of_the_whole_frame() -> None:
    torch.manual_seed(2)
    network = RetinaFace().eval()
    frame = torch.full((160, 320, 3), 90, dtype=torch.uint8)
    (small,), (whole,) = find_faces(network, [frame[::2, ::2]]), find_faces(network, [frame], 160)
    assert np.allclose(whole.boxes[0], 2 * small.boxes[0], atol=0.01)
    assert np.allclose(whole.landmarks[0], 2 * small.landmarks[0], atol=0.01)
    assert np.array_equal(find_faces(network, [frame], 320)[0].boxes, find_faces(network, [frame])[0].boxes)


def test_near_copies_are_suppressed_by_the_better_one() -> None:
    boxes = np.array([[0, 0, 9, 9], [0, 0, 9, 8], [8, 8, 20, 20], [0, 0, 9, 3]], dtype=float)
    assert suppress(boxes) == [0, 2, 3]  # the last overlaps by exactly 0.4
    found = select(
        torch.tensor(boxes), torch.tensor([0.5, 0.9, 0.01, 0.3]), torch.zeros(4, 5, 2), min_score=0.02
    )
    assert found.scores.tolist() == pytest.approx([0.9])


def test_no_face_is_an_empty_list() -> None:
    found = select(torch.zeros(3, 4), torch.zeros(3), torch.zeros(3, 5, 2))
    assert len(found.scores) == 0


def test_small_and_doubtful_faces_are_dropped() -> None:
    faces = both(both(face(0), face(150, side=70)), face(200, score=0.75))
    assert usable(faces).boxes[:, 0].tolist() == [0]
    assert len(usable(faces, min_score=0.5, min_area=0).boxes) == 3
    assert len(usable(NONE).boxes) == 0


def test_two_faces_are_followed_side_by_side() -> None:
    frames = [both(face(10 + step), face(200 - step)) for step in range(5)]
    frames[2] = Faces(*(values[::-1] for values in frames[2]))
    assert follow(frames) == [[0, 0, 1, 0, 0], [1, 1, 0, 1, 1]]
    assert [track.boxes[:, 0].tolist() for track in tracks(frames)] == [
        [10, 11, 12, 13, 14],
        [200, 199, 198, 197, 196],
    ]


def test_only_the_end_of_all_tracks_splits_a_stretch() -> None:
    frames = [both(face(10), face(200)) for _ in range(6)] + [face(10) for _ in range(6)]
    assert [(track.start, track.end) for track in tracks(frames)] == [(0, 12)]
    frames = [face(10) for _ in range(6)] + [face(200) for _ in range(6)]
    assert [(track.start, track.end) for track in tracks(frames)] == [(0, 6), (7, 12)]


@pytest.mark.parametrize(
    "frames", [[], [NONE], [NONE] * 5, [face(10, score=0.79)] * 5, [face(10), NONE, face(200)]]
)
def test_what_cannot_be_followed_gives_no_clip(frames: list[Faces]) -> None:
    assert tracks(frames) == []
    with pytest.raises(NotApplicable, match="no face could be followed"):
        face_clips(video(len(frames)), frames)


def test_windows_stride_and_end_with_the_last() -> None:
    assert [window[0] for window in windows(100, 30)] == [0, 30, 60, 68]
    assert len(windows(768)) == 737
    assert [window[0] for window in windows(768, 64)] == [*range(0, 737, 64), 736]
    assert windows(0) == []
    assert len(windows(1)) == 32
    assert set(windows(1)[0]) == {0}


def test_short_tracks_are_played_back_and_forth() -> None:
    assert windows(3)[0][:5] == [1, 2, 1, 0, 1]
    clips = face_clips(video(4), [face(40)] * 4, stride=100)
    assert clips.shape == (2, 32, 224, 224, 3)


def test_a_similarity_is_recovered() -> None:
    turned = template() @ np.array([[0.8, 0.6], [-0.6, 0.8]]) * 2.5 + np.array([7, -3])
    found = similarity(template(), turned)
    assert np.allclose(template() @ found[:, :2].T + found[:, 2], turned)
    back = to_template(np.stack([turned] * 3))
    assert np.allclose(turned @ back[:, :2].T + back[:, 2], template())


def test_crops_stay_in_the_frame() -> None:
    crops = crop_boxes(np.array([[-5.0, 10.0, 95.0, 110.0], [250.0, 90.0, 330.0, 170.0]]), 320, 160)
    assert crops.tolist() == [[0, 0, 145, 159], [210, 50, 319, 159]]


def test_landmarks_return_to_the_frame() -> None:
    pixels, box = landmark_input(video(1)[0], (-20, 30, 79, 129))
    assert pixels.shape == (1, 3, 224, 224)
    assert box == (0, 20, 90, 140)
    points = to_frame(torch.tensor([0.0, 0.0, 1.0, 1.0] + [0.5] * 132), box)
    assert points[:3].tolist() == [[0, 20], [90, 140], [45, 80]]
