"""A detector of faces on frames of labelled clips: which faces, what is measured, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import Tensor

from analysis.errors import ConfigurationError
from analysis.evaluation import face_frames, readers
from analysis.evaluation.face_frames import Clip, Result, main, measure
from analysis.faces import CropFaces, FindFaces
from analysis.views import PRODUCERS, Producer
from detectors.base import View
from detectors.errors import NotMeasurable
from detectors.faces.retinaface import Faces
from tests.analysis.fakes import Brightness
from tests.analysis.media import clip
from tests.analysis.test_faces import FaceBrightness

SIZE = (160, 120)
COUNT = 20


class Finder:
    """A large face on the left and a small one on the right, in frames that are not black."""

    def find(self, frames: Tensor, min_face: float = 20) -> list[Faces]:
        del min_face
        both = np.array([[90.0, 40.0, 160.0, 110.0], [4.0, 10.0, 84.0, 90.0]])
        return [self._faces(both if frame.float().mean() > 8 else both[:0]) for frame in frames]

    def follow(self, frames: Tensor, places: Sequence[Tensor]) -> list[Faces]:
        del places
        return self.find(frames)

    @staticmethod
    def _faces(boxes: NDArray[np.float64]) -> Faces:
        return Faces(boxes, np.full(len(boxes), 0.999), np.zeros((len(boxes), 5, 2)))


FINDER = FindFaces(Finder)
FOUND = PRODUCERS | {View.FACES: Producer(CropFaces(FINDER), frames=True)}


def noisy(level: int, black: Sequence[int]) -> Callable[[int], NDArray[np.uint8]]:
    """Frames of coarse noise, brighter on the left half where the large face is; some are black."""

    def frame(number: int) -> NDArray[np.uint8]:
        if number in black:
            return np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        rng = np.random.default_rng([level, number])
        small = rng.integers(0, 6000 // level, (SIZE[1] // 4, SIZE[0] // 4, 3)) + level
        picture = np.kron(small, np.ones((4, 4, 1))).astype(np.uint8)
        picture[:, 90:] //= 2
        return picture

    return frame


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for name, level, black in (("real/a", 60, (2, 3)), ("fake/a_b", 160, ())):
        path = folder / f"{name}.mp4"
        path.parent.mkdir()
        clip(path, count=COUNT, size=SIZE, picture=noisy(level, black))
    return folder


def read(data: Path, frames: int = COUNT) -> list[Clip]:
    return list(face_frames.read(readers.read(data).items, FaceBrightness(), frames, FOUND))


@pytest.fixture(scope="module")
def found(data: Path) -> Result:
    return measure(FaceBrightness(), read(data), "pair a", "2026-01-02")


def test_each_frame_gives_its_largest_face_once(data: Path) -> None:
    fake, real = read(data)
    assert (len(fake.crops), len(real.crops)) == (20, 18)
    assert {crop.group for crop in fake.crops} == {"fake/a_b.mp4#0", "fake/a_b.mp4#1"}
    assert all(crop.picture.size == (224, 224) for crop in fake.crops)
    assert 0.6 < fake.of_frames < 0.8, "the left half, not the darker right one"
    assert fake.as_judged < fake.of_frames, "of fewer frames both faces are judged"


def test_figures_count_frames_and_say_of_how_many_clips(found: Result) -> None:
    assert [figure.protocol for figure in found.measured] == [
        f"frames of 2 videos (pair a){how}; {delivery}"
        for how in ("", ", blur equalised")
        for delivery in ("as_is", "jpeg75")
    ]
    figure = found.measured[0]
    assert (figure.value, figure.low, figure.high) == (1, 1, 1)
    assert (figure.real, figure.fake, figure.clips, figure.media) == (18, 20, (1, 1), (1, 1))
    assert found.leaks["as is"]["mean red"] == 1


def test_blur_that_was_put_in_is_told_by_class(found: Result) -> None:
    assert found.real.blurred == 18
    assert found.real.after < 0.5 * found.real.before
    assert found.fake.after == found.fake.before
    assert found.real.after == pytest.approx(found.fake.after, rel=0.1)
    assert found.leaks["blur equalised"]["blur"] < 0.65


def test_too_few_frames_give_no_interval(data: Path) -> None:
    with pytest.raises(NotMeasurable, match="fewer than two real groups"):
        measure(FaceBrightness(), read(data, 10), "pair a", "2026-01-02")


def test_a_clip_without_a_face_is_named(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    clip(tmp_path / "real" / "empty.mp4", size=SIZE, picture=noisy(60, range(COUNT)))
    with pytest.raises(ConfigurationError, match=r"real/empty\.mp4: no face was found; take it out"):
        read(tmp_path)


def test_only_detectors_of_faces_are_measured(data: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not judge faces"):
        next(face_frames.read(readers.read(data).items, Brightness(), COUNT, FOUND))


def test_the_command_measures_all_clips_and_each_pair(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detectors.create", lambda name: FaceBrightness(name))
    monkeypatch.setattr(face_frames, "producers_on", lambda device: FOUND)
    out = tmp_path / "out.json"
    arguments = ["sample", "--clips", str(data), "--frames", str(COUNT), "--out", str(out)]
    assert main([*arguments, "--pair", "real/a.mp4", "fake/a_b.mp4"]) == 0
    found = json.loads(out.read_text())
    assert [entry["name"] for entry in found["clips"]] == ["fake/a_b.mp4", "real/a.mp4"]
    assert list(found["blurred"]) == ["frames of 2 videos (1 real, 1 fake)", "frames of 2 videos (pair a)"]
    assert len(found["measured"]) == 8


def test_a_pair_that_is_not_there_is_named(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    pair = ["--pair", "real/a.mp4", "fake/none.mp4"]
    assert main(["veritag_face", "--clips", str(data), "--out", str(out), *pair]) == 2
    assert "fake/none.mp4: not in" in capsys.readouterr().err
    assert not out.exists()
