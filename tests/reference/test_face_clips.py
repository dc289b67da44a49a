"""Tracking, windows and alignment of faces equal the published ones: frame by frame, to the pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detectors.faces.alignment import align, crop_boxes, template, to_template, track_clips
from detectors.faces.retinaface import Faces
from detectors.faces.tracking import Track, follow, tracks, windows
from tests.reference.cases.base import Case
from tests.reference.cases.ftcn_preproc import CASES, video_frames
from tests.reference.vectors import Vectors, subsample

pytestmark = pytest.mark.parametrize("case", CASES[:1], ids=["ftcn_preproc"], scope="module")
NONE = Faces(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 5, 2)))


def detections(vectors: Vectors) -> list[Faces]:
    ends = np.cumsum(vectors.stored["n_faces"])[:-1]
    columns = (np.split(vectors.stored[name], ends) for name in ("boxes", "scores", "lm5"))
    return [Faces(*values) for values in zip(*columns, strict=True)]


def test_the_published_detections_give_the_published_tracks(case: Case, vectors: Vectors) -> None:
    faces = detections(vectors)
    assert len(follow(faces)) == vectors.stored["full_tracks"]
    found = [(track.start, track.end) for track in tracks(faces)]
    assert found == [tuple(pair) for pair in vectors.stored["tuples"].tolist()]


def test_a_gap_of_three_frames_splits_the_track(case: Case, vectors: Vectors) -> None:
    faces = detections(vectors)
    faces[10:13] = [NONE] * 3
    found = tracks(faces)
    expected = vectors.stored["broken_tuples"].tolist()
    assert [[track.start, track.end] for track in found] == expected
    assert np.array_equal(found[0].boxes, vectors.stored["broken_track_boxes0"])


@pytest.mark.parametrize("count", [3, 17, 31, 32])
def test_windows_match(case: Case, vectors: Vectors, count: int) -> None:
    assert windows(count) == vectors.stored[f"windows_n{count}"].tolist()


def test_crops_and_template_match(case: Case, vectors: Vectors) -> None:
    _, _, height, width = vectors.stored["frames_seed_lowfreq_u8_N_H_W"].tolist()
    assert np.array_equal(crop_boxes(vectors.stored["boxes"], width, height), vectors.stored["crop_boxes"])
    assert np.allclose(template(224), vectors.stored["std_points_224"], atol=1e-9)


@pytest.mark.parametrize(("name", "first"), [("win0", 0), ("winlast", 8)])
def test_a_clip_is_aligned_to_the_pixel(case: Case, vectors: Vectors, name: str, first: int) -> None:
    window = slice(first, first + 32)
    crops, points = vectors.stored["crop_boxes"][window], vectors.stored["lm5"][window]
    corner = crops[:, :2].min(axis=0)
    transform = to_template(points - corner)
    assert np.allclose(transform, vectors.stored[f"{name}_tfm"], atol=1e-9)
    many = vectors.stored["lm68"][first] - corner
    moved = many @ transform[:, :2].T + transform[:, 2]
    assert np.allclose(moved, vectors.stored[f"{name}_lm68_first"], atol=1e-4)
    clip = align(video_frames(vectors)[window], crops, points)
    assert clip.shape == (32, 224, 224, 3)
    means = clip.double().mean(dim=(1, 2, 3)).numpy()
    assert np.allclose(means, vectors.stored[f"{name}_img_mean_per_frame"], atol=1e-4)
    assert np.array_equal(subsample(clip, 8192).numpy(), vectors.stored[f"{name}_img_sub"])


def test_every_window_of_a_track_is_a_clip(case: Case, vectors: Vectors) -> None:
    frames = video_frames(vectors)
    (track,) = tracks(detections(vectors))
    assert len(windows(track.end)) == vectors.stored["n_windows"]
    first, last = track_clips(frames, track, stride=64)
    part = Track(0, 32, track.boxes[:32], track.landmarks[:32])
    assert torch.equal(first, track_clips(frames, part)[0])
    assert not torch.equal(first, last)
