"""The view FACES: which faces, cut out how, for whom; and detectors of faces in the engine."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import detectors
from analysis import faces as room
from analysis.decoding.decoder import Decoded, Decoder
from analysis.engine import EmbeddedAnalyzer
from analysis.faces import CropFaces, Face, FindFaces, crop_box, locate
from analysis.limits import Limits
from analysis.model import Kind, Probe, Score
from analysis.producers import producers_on
from analysis.views import PRODUCERS, Producer, Views
from detectors.base import Detector, Modality, View
from detectors.errors import NotApplicable
from detectors.faces.mtcnn import MTCNN
from detectors.faces.retinaface import Faces
from detectors.genconvit import GenConViTEd
from detectors.record import WeightsRecord
from detectors.training.veritag_face.pairs import face_box
from tests.analysis import fakes
from tests.analysis.fakes import Brightness, MeanPolicy
from tests.detectors.test_genconvit import ED
from tests.detectors.test_gend import detector as small_gend
from tests.reference.vectors import HERE, Vectors

MEDIA = Path(__file__).parents[2] / "samples" / "inbox" / "media"
FRAMES_OF = {View.FRAMES: PRODUCERS[View.FRAMES]}


class Counting:
    """Says that the same faces are in every frame, and counts how often it is asked."""

    def __init__(self, *boxes: tuple[float, float, float, float], scores: tuple[float, ...] = ()) -> None:
        self.boxes = np.array(boxes, dtype=float).reshape(-1, 4)
        self.scores = np.array(scores or (0.999,) * len(boxes))
        self.points = np.zeros((len(boxes), 5, 2))
        self.asked: list[tuple[tuple[int, ...], float]] = []

    def find(self, frames: Tensor, min_face: float = 20) -> list[Faces]:
        self.asked.append((tuple(frames.shape), min_face))
        found = Faces(self.boxes, self.scores, self.points)
        return [found] * len(frames)

    def follow(self, frames: Tensor, places: Sequence[Tensor]) -> list[Faces]:
        return [Faces(self.boxes, self.scores, self.points)] * len(frames)


class FaceBrightness(Brightness):
    """The mean brightness of all faces."""

    view: ClassVar[View] = View.FACES

    def __init__(self, name: str = "faces", margin: float = 1.0) -> None:
        super().__init__(name)
        self.record = with_margin(name, margin)
        self.seen: list[Tensor] = []

    def preprocess(self, view: Tensor) -> Tensor:
        self.seen.append(view)
        return super().preprocess(view)


def with_margin(name: str, margin: float, resample: str = "area") -> WeightsRecord:
    record = fakes.record(name, Modality.IMAGE, Modality.VIDEO)
    return record.model_copy(update={"preprocessing": {"face_margin": margin, "face_resample": resample}})


def views(frames: Tensor, finder: Counting | MTCNN) -> Views:
    medium = Decoded("0" * 64, Probe(Kind.VIDEO, "x/y", 1), frames.numpy(), None, {})
    found = FindFaces(lambda: finder)
    producers: Mapping[View, Producer] = FRAMES_OF | {
        View.FACES: Producer(
            CropFaces(found), frames=True, tailor=lambda record: CropFaces.tailor(found, record)
        )
    }
    return Views(medium, producers)


def ramp(height: int, width: int, count: int = 1) -> Tensor:
    """Frames whose red is the column and whose green is the row, in 1/16."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    frame = torch.stack([x // 16, y // 16, torch.zeros_like(x)], dim=2)
    return frame.to(torch.uint8).expand(count, -1, -1, -1).contiguous()


def overlap(one: Face, other: Face) -> float:
    a, b = torch.tensor(one.box), torch.tensor(other.box)
    shared = (torch.minimum(a[2:], b[2:]) - torch.maximum(a[:2], b[:2])).clamp(min=0).prod()
    return float(shared / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared))


@pytest.fixture(scope="module")
def finder() -> Iterator[MTCNN]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield MTCNN()
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def zoom() -> Tensor:
    decoder = Decoder(Limits())
    frames = decoder.decode(MEDIA / "astronaut-zoom.mp4").frames
    decoder.close()
    assert frames is not None
    return torch.from_numpy(np.array(frames))


def still(name: str, size: tuple[int, int] | None = None) -> Tensor:
    image = Image.open(MEDIA / name).convert("RGB")
    return torch.from_numpy(np.array(image if size is None else image.resize(size)))[None]


def test_a_clip_has_its_face_in_every_frame(zoom: Tensor, finder: MTCNN) -> None:
    found = locate(zoom, finder)
    assert [len(faces) for faces in found] == [1] * 15
    assert [faces[0].frame for faces in found] == list(range(15))
    assert all(overlap(one[0], other[0]) > 0.75 for one, other in itertools.pairwise(found))
    assert found[-1][0].size > found[0][0].size * 1.2
    assert locate(zoom, finder) == found


def test_crops_hold_the_face_with_its_margin(zoom: Tensor, finder: MTCNN) -> None:
    asked = views(zoom, finder)
    tight, loose = (asked.made(View.FACES, with_margin("x", margin)) for margin in (1.0, 1.3))
    for made in (tight, loose):
        assert made.view.shape == (15, 224, 224, 3)
        assert made.view.dtype == torch.uint8
        assert [face["frame"] for face in made.evidence["faces"]] == list(range(15))
    assert not torch.equal(tight.view, loose.view)
    (inner,) = finder.find(loose.view[:1])
    x1, y1, x2, y2 = inner.boxes[0]
    assert max(x2 - x1, y2 - y1) == pytest.approx(224 / 1.3, rel=0.12)
    assert ((x1 + x2) / 2, (y1 + y2) / 2) == pytest.approx((112, 112), abs=15)


def test_a_picture_without_a_face(finder: MTCNN) -> None:
    asked = views(still("cat.jpg"), finder)
    for _ in range(2):
        with pytest.raises(NotApplicable, match=r"^no face was found$"):
            asked.get(View.FACES, with_margin("x", 1.0))


def test_many_faces_are_bounded_per_frame(finder: MTCNN) -> None:
    one = still("astronaut.jpg", (256, 256))[0]
    crowd = torch.cat([torch.cat([one, one.flip(1)] * 2)] * 3, dim=1)[None]
    made = views(crowd, finder).made(View.FACES, with_margin("x", 1.6))
    assert len(made.view) == len(made.evidence["faces"]) == room.FACES_PER_FRAME


@pytest.mark.parametrize(("height", "width"), [(4096, 4096), (1200, 3000), (3000, 1350)])
def test_huge_frames_are_searched_small_and_cut_large(height: int, width: int, finder: MTCNN) -> None:
    frames = torch.full((1, height, width, 3), 90, dtype=torch.uint8)
    frames[0, 100:1300, 150:1350] = still("astronaut.jpg", (1200, 1200))[0][: height - 100]
    (found,) = locate(frames, finder)
    assert len(found) == 1
    assert found[0].box == pytest.approx((572, 240, 780, 506), abs=30)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9000), (20, 20), (63, 63)])
def test_tiny_frames_have_no_faces_to_judge(shape: tuple[int, int], finder: MTCNN) -> None:
    with pytest.raises(NotApplicable, match="no face was found"):
        views(torch.zeros(1, *shape, 3, dtype=torch.uint8), finder).get(View.FACES, with_margin("x", 1.0))


def test_faces_are_found_once_and_cut_once_per_margin() -> None:
    finder = Counting((100, 100, 200, 220))
    asked = views(ramp(400, 400, 3), finder)
    first = asked.get(View.FACES, with_margin("a", 1.0))
    assert asked.get(View.FACES, with_margin("b", 1.0)) is first
    assert asked.get(View.FACES, with_margin("c", 1.3)) is not first
    assert asked.get(View.FACES, with_margin("d", 1.0, "bicubic")) is not first
    assert len(finder.asked) == 1


def test_the_copy_searched_has_640_pixels_and_faces_of_40_count() -> None:
    for (height, width), copy, min_face in (
        ((300, 400), (300, 400), 40),
        ((720, 960), (480, 640), pytest.approx(26.7, abs=0.1)),
        ((720, 2560), (180, 640), 20),
    ):
        finder = Counting((10, 10, 110, 110))
        locate(ramp(height, width), finder)
        assert finder.asked == [((1, *copy, 3), min_face)]


def test_boxes_are_those_of_the_whole_frame_and_stay_in_it() -> None:
    ((face,),) = locate(ramp(1280, 1280), Counting((-5, 100, 145, 300)))
    assert face.box == (0, 200, 290, 600)
    assert face.size == 400


@pytest.mark.parametrize(
    ("box", "margin", "expected"),
    [
        ((100, 100, 200, 220), 1.0, (90, 100, 120)),
        ((100, 100, 200, 220), 1.5, (60, 70, 180)),
        ((0, 10, 100, 90), 1.4, (0, 0, 140)),
        ((320, 210, 400, 300), 1.2, (292, 192, 108)),
        ((0, 0, 400, 300), 1.3, (50, 0, 300)),
    ],
)
def test_squares_stay_square_and_inside(
    box: tuple[int, int, int, int], margin: float, expected: tuple[int, int, int]
) -> None:
    assert crop_box(Face(0, box, 1.0), margin, ramp(300, 400)) == expected


def test_points_are_those_of_the_whole_frame() -> None:
    finder = Counting((0, 100, 145, 300))
    finder.points = np.arange(10.0).reshape(1, 5, 2)
    ((face,),) = locate(ramp(1280, 1280), finder)
    assert face.points == ((0, 2), (4, 6), (8, 10), (12, 14), (16, 18))


@pytest.mark.parametrize("name", ["astronaut.jpg", "astronaut-zoom.mp4"])
def test_faces_are_cut_as_those_that_veritags_own_detector_learned_from(name: str, finder: MTCNN) -> None:
    with closing(Decoder(Limits())) as decoder:
        medium = decoder.decode(MEDIA / name, sound=False)
    assert medium.frames is not None
    frames = torch.from_numpy(medium.frames)
    for faces in locate(frames, finder):
        face = faces[0]
        learned = face_box(np.array(face.points), (frames.shape[2], frames.shape[1]), 1.2)
        left, top, side = crop_box(face, 1.2, frames, "outline")
        assert (left, top, left + side, top + side) == pytest.approx(learned, abs=1)
        assert side < crop_box(face, 1.2, frames)[2]


def test_a_record_says_what_counts_as_the_face() -> None:
    found = FindFaces(lambda: Counting())
    asked = with_margin("x", 1.2)
    outlined = asked.model_copy(update={"preprocessing": {**asked.preprocessing, "face_around": "outline"}})
    assert (CropFaces.tailor(found, asked).around, CropFaces.tailor(found, outlined).around) == (
        "box",
        "outline",
    )
    assert CropFaces.tailor(found, detectors.record("veritag_face")).around == "outline"


@pytest.mark.parametrize("resample", ["area", "bicubic", "bilinear"])
def test_crops_show_the_right_place(resample: str) -> None:
    crop = views(ramp(1600, 1600), Counting((160, 320, 360, 520))).get(
        View.FACES, with_margin("x", 1.0, resample)
    )[0]
    # The box is one of a copy of 640 pixels: 400 to 900 across and 800 to 1300 down.
    assert crop[112, 0, 0] == 400 // 16
    assert crop[112, 223, 0] == 899 // 16
    assert crop[0, 112, 1] == 800 // 16
    assert crop[223, 112, 1] == 1299 // 16


def test_the_largest_faces_first_and_doubtful_ones_never() -> None:
    boxes = ((0, 0, 70, 70), (100, 0, 300, 200), (0, 100, 90, 190), (100, 250, 200, 350))
    finder = Counting(*boxes, scores=(0.99, 0.99, 0.6, 0.99))
    made = views(ramp(400, 400), finder).made(View.FACES, with_margin("x", 1.0))
    assert [face["box"] for face in made.evidence["faces"]] == [list(boxes[i]) for i in (1, 3, 0)]
    assert made.evidence["faces"][0] == {"frame": 0, "box": [100, 0, 300, 200], "confidence": 0.99}


def test_a_long_clip_gives_each_frames_largest_face_first() -> None:
    finder = Counting((0, 0, 100, 100), (200, 0, 400, 200))
    made = views(ramp(400, 400, 40), finder).made(View.FACES, with_margin("x", 1.0))
    assert len(made.view) == room.FACES_PER_MEDIUM
    number = [face["frame"] for face in made.evidence["faces"]]
    assert number == sorted([*range(40), *range(20)])


def test_small_faces_are_left_out_and_alone_say_why() -> None:
    both = views(ramp(400, 400), Counting((0, 0, 50, 50), (100, 100, 200, 200)))
    assert len(both.get(View.FACES, with_margin("x", 1.0))) == 1
    assert len(both.get(View.FACES, with_margin("x", 1.3))) == 2
    reason = r"faces are too small to judge \(50 x 50 pixels; at least 64 each way\)"
    with pytest.raises(NotApplicable, match=reason):
        views(ramp(400, 400), Counting((0, 0, 50, 50))).get(View.FACES, with_margin("x", 1.0))


def test_sound_alone_has_no_faces() -> None:
    medium = Decoded("0" * 64, Probe(Kind.AUDIO, "x/y", 1), None, np.zeros(9, np.float32), {})
    with pytest.raises(NotApplicable, match="judges pictures; there are none"):
        Views(medium, producers_on("cpu")).get(View.FACES)


def analysed(path: Path, *members: Detector) -> dict[str, Score]:
    analyzer = EmbeddedAnalyzer(members, MeanPolicy(), torch_threads=1)
    try:
        return {score.detector: score for score in analyzer.submit(path).result(timeout=100).scores}
    finally:
        analyzer.close()


def test_detectors_of_faces_in_the_engine() -> None:
    tight, loose = FaceBrightness("tight", 1.0), FaceBrightness("loose", 1.3)
    scores = analysed(MEDIA / "astronaut-zoom.mp4", tight, loose, Brightness())
    assert all(score.applicable for score in scores.values())
    assert len(scores["tight"].evidence["frame_scores"]) == len(scores["tight"].evidence["faces"]) == 15
    assert scores["tight"].score != scores["loose"].score
    assert "faces" not in scores["brightness"].evidence


def test_a_medium_without_faces_in_the_engine() -> None:
    scores = analysed(MEDIA / "cat.jpg", FaceBrightness(), Brightness())
    assert scores["faces"].reason == "no face was found"
    assert scores["brightness"].applicable


def test_a_finder_that_fails_stops_no_other_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(MTCNN, "find", broken)
    scores = analysed(MEDIA / "astronaut.jpg", FaceBrightness(), Brightness())
    assert scores["faces"].reason == "failed: ZeroDivisionError: oh"
    assert scores["brightness"].applicable


def test_published_detectors_of_faces_judge_a_picture() -> None:
    genconvit = GenConViTEd((ED.filled(Vectors.read(HERE / ED.name)),), detectors.record("genconvit_ed"))
    scores = analysed(MEDIA / "astronaut.jpg", genconvit, small_gend("gend"), small_gend("gend_dinov3"))
    for score in scores.values():
        assert score.applicable, score.reason
        assert len(score.evidence["faces"]) == 1
