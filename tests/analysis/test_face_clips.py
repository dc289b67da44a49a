"""The view FACE_CLIPS: followed and aligned faces, for detectors whose face finder is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import detectors
from analysis.decoding.decoder import Decoder
from analysis.engine import EmbeddedAnalyzer
from analysis.face_clips import CLIPS_PER_MEDIUM, AlignFaces, FaceFinders, FindInRow, unasked
from analysis.limits import Limits
from analysis.model import Score
from analysis.producers import producers_on
from analysis.views import PRODUCERS, Producer, Views, row
from detectors import weights
from detectors.base import Detector, Output, View
from detectors.errors import NotApplicable, WeightsMissing
from detectors.faces.alignment import template
from detectors.faces.mtcnn import MTCNN
from detectors.faces.retinaface import Faces, RetinaFace
from tests.analysis.fakes import Brightness, MeanPolicy
from tests.analysis.media import clip

MEDIA = Path(__file__).parents[2] / "samples" / "inbox" / "media"
ZOOM = MEDIA / "astronaut-zoom.mp4"


class ByMTCNN(FindInRow):
    """Stands for RetinaFace, whose weights are not in the repository; it has the same five points."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, views: Views) -> list[Faces]:
        self.calls += 1
        return MTCNN().find(views.once(row), 60)


class Steady(Brightness):
    """How alike the frames of a clip are."""

    view: ClassVar[View] = View.FACE_CLIPS

    def __init__(self, name: str = "ftcn") -> None:
        super().__init__(name)
        self.record = detectors.record("ftcn").model_copy(update={"name": name})

    def preprocess(self, view: Tensor) -> Tensor:
        assert view.shape[1:] == (32, 224, 224, 3)
        return view.float().diff(dim=1).abs().flatten(1).mean(1) / 255

    def reduce(self, logits: Tensor) -> Output:
        return Output(float(1 - logits.mean()), {"clips": len(logits)})


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def weights_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VERITAG_WEIGHTS_DIR", str(tmp_path))
    weights.accept_licence(detectors.record("ftcn").part("face_finder"), tmp_path)
    return tmp_path


def decoded(path: Path, **limits: int) -> Views:
    decoder = Decoder(Limits(**limits))
    try:
        return Views(decoder.decode(path, frames=False, sound=False, row=True), PRODUCERS)
    finally:
        decoder.close()


def analysed(
    path: Path, *members: Detector | str, producers: Mapping[View, Producer] | None = None
) -> dict[str, Score]:
    analyzer = EmbeddedAnalyzer(members, MeanPolicy(), torch_threads=1, producers=producers)
    try:
        return {score.detector: score for score in analyzer.submit(path).result(timeout=100).scores}
    finally:
        analyzer.close()


def followed(finder: FindInRow) -> Mapping[View, Producer]:
    align = AlignFaces(finder, side=224, stride=32, most=16, min_score=0.75, min_area=5000)
    return {**PRODUCERS, View.FACE_CLIPS: Producer(unasked, row=True, tailor=lambda _: align)}


def test_faces_are_aligned_to_five_points() -> None:
    views = decoded(ZOOM, frames_in_a_row=40)
    form = AlignFaces(ByMTCNN(), side=224, stride=64, most=16, min_score=0.75, min_area=5000)
    clips = views.once(form)
    assert clips.shape == (2, 32, 224, 224, 3)
    assert clips.dtype == torch.uint8
    points = [found.landmarks[0] for found in MTCNN().find(clips[0, ::4], 60)]
    assert np.abs(np.mean(points, axis=0) - template(224)).max() < 15
    assert np.abs(points[-1] - points[0]).max() > 20  # one transform per clip: the zoom is still there
    again = decoded(ZOOM, frames_in_a_row=40)
    assert torch.equal(clips, again.once(form))


def test_the_engine_decodes_a_row_when_a_detector_watches_it() -> None:
    finder = ByMTCNN()
    scores = analysed(ZOOM, Steady(), Steady("other"), Brightness(), producers=followed(finder))
    assert scores["ftcn"].evidence == {"clips": 3}
    assert scores["ftcn"].score == scores["other"].score
    assert scores["ftcn"].score == pytest.approx(0.99, abs=0.02)
    assert scores["brightness"].applicable
    assert finder.calls == 1


def test_no_face_in_a_row() -> None:
    assert analysed(MEDIA / "coffee-pan.mp4", Steady(), producers=followed(ByMTCNN()))["ftcn"].reason == (
        "no face was found"
    )


def test_clips_are_bounded() -> None:
    views = decoded(ZOOM, frames_in_a_row=60)
    form = AlignFaces(ByMTCNN(), side=64, stride=1, most=7, min_score=0.75, min_area=5000)
    assert len(views.once(form)) == 7
    every = replace(form, most=1000)
    assert len(views.once(every)) == 60 - 32 + 1


def test_a_stride_that_is_asked_for_has_all_clips_that_memory_allows(weights_dir: Path) -> None:
    torch.manual_seed(0)
    torch.save(RetinaFace().state_dict(), weights_dir / "retinaface_mobilenet025.pth")

    def form(**limits: int) -> tuple[int, int]:
        align = FaceFinders("cpu", Limits(**limits)).tailor(detectors.record("ftcn"))
        return align.stride, align.most

    clip_bytes = 32 * 224 * 224 * 3
    assert form() == (64, CLIPS_PER_MEDIUM)
    assert form(face_clip_stride=1) == (1, (1 << 30) // clip_bytes)
    assert form(face_clip_stride=1, max_view_bytes=3 * clip_bytes) == (1, 3)
    assert form(max_view_bytes=clip_bytes // 2) == (64, 1)


def test_the_stride_is_part_of_the_fingerprint() -> None:
    prints = set()
    for stride in (None, 1, 2):
        analyzer = EmbeddedAnalyzer(
            [Brightness()], MeanPolicy(), Limits(face_clip_stride=stride), torch_threads=1
        )
        prints.add(analyzer.fingerprint)
        analyzer.close()
    assert len(prints) == 3


def test_forms_are_those_of_the_records(weights_dir: Path) -> None:
    torch.manual_seed(0)
    torch.save(RetinaFace().state_dict(), weights_dir / "retinaface_mobilenet025.pth")
    finders = FaceFinders()
    ftcn, styleflow, full = (
        finders.tailor(detectors.record(name)) for name in ("ftcn", "styleflow", "styleflow_full")
    )
    assert (ftcn.side, ftcn.stride, ftcn.min_score, ftcn.min_area) == (224, 64, 0.75, 5000)
    assert (styleflow.side, styleflow.stride, styleflow.min_score, styleflow.min_area) == (256, 32, 0.5, 0)
    assert styleflow == full
    assert ftcn.faces is styleflow.faces
    assert finders.tailor(detectors.record("ftcn")) == ftcn


def test_a_face_finder_out_of_the_store_searches_the_row(weights_dir: Path) -> None:
    torch.manual_seed(0)
    torch.save(RetinaFace().state_dict(), weights_dir / "retinaface_mobilenet025.pth")
    finder = FaceFinders().tailor(detectors.record("ftcn")).faces
    views = decoded(ZOOM, frames_in_a_row=3)
    found = views.once(finder)
    assert len(found) == 3
    assert views.once(finder) is found


def test_without_its_face_finder_a_detector_does_not_judge(weights_dir: Path) -> None:
    with pytest.raises(WeightsMissing):
        FaceFinders().tailor(detectors.record("ftcn"))
    scores = analysed(ZOOM, Steady(), Brightness())
    assert scores["ftcn"].reason == "weights not fetched; run `veritag weights fetch ftcn`"
    assert scores["brightness"].applicable


def test_a_still_has_no_row(tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    Image.new("RGB", (300, 300)).save(path)
    assert analysed(path, Steady(), producers=followed(ByMTCNN()))["ftcn"].reason == "judges videos only"
    with pytest.raises(NotApplicable, match="judges moving pictures; there are none"):
        decoded(path).once(row)


def test_clips_are_made_for_a_detector_only(tmp_path: Path) -> None:
    decoder = Decoder(Limits())
    medium = decoder.decode(clip(tmp_path / "clip.mp4"), row=True)
    decoder.close()
    with pytest.raises(TypeError, match="ask with its record"):
        Views(medium, producers_on("cpu")).get(View.FACE_CLIPS)
