"""The engine asks its memory between decoding and the networks, and tells what it was answered from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from analysis.engine import EmbeddedAnalyzer
from analysis.ensemble.provenance import with_provenance, without_provenance
from analysis.ensemble.reasons import ReasonCode, reason
from analysis.errors import EngineFailed
from analysis.model import Analysis, Band, Earlier, Likeness, Score, Verdict
from analysis.provenance.model import Credentials, CredentialState, GeneratorMark, Origin, Provenance
from detectors.base import Detector
from tests.analysis.fakes import Brightness, Loudness, MeanPolicy
from tests.analysis.media import clip, encoded, photo

EARLIER = Earlier(
    "e" * 64,
    datetime(2026, 1, 2, tzinfo=UTC),
    (Score("brightness", 0.25, applicable=True),),
    Verdict(Band.LOW, 0.25, "mean", ()),
)


class Memory:
    """Answers as it is told and keeps what it was asked."""

    def __init__(self, answer: Earlier | None = None) -> None:
        self.answer = answer
        self.asked: list[tuple[Likeness, str]] = []

    def __call__(self, likeness: Likeness, fingerprint: str) -> Earlier | None:
        self.asked.append((likeness, fingerprint))
        return self.answer


class Counting(Brightness):
    """Counts how often it judges."""

    runs = 0

    def forward(self, batch):  # type: ignore[no-untyped-def]
        self.runs += 1
        return super().forward(batch)


Judge = Callable[..., Analysis]


@pytest.fixture
def judge() -> Iterator[Judge]:
    engines = []

    def judge(path: Path, memory: Callable[..., Earlier | None], *detectors: Detector) -> Analysis:
        engines.append(EmbeddedAnalyzer(detectors, MeanPolicy(), torch_threads=1, recall=memory))
        engines[-1].warm_up()
        return engines[-1].submit(path).result(timeout=30)

    yield judge
    for engine in engines:
        engine.close()


def file(folder: Path, picture: Image.Image, **options: object) -> Path:
    path = folder / "picture.png"
    path.write_bytes(encoded(picture, "PNG", **options))
    return path


def test_a_copy_is_answered_without_the_networks(tmp_path: Path, judge: Judge) -> None:
    memory, counting = Memory(EARLIER), Counting()
    analysis = judge(file(tmp_path, photo(1)), memory, counting)
    assert counting.runs == 0
    assert (analysis.copy_of, analysis.scores, analysis.likeness) == (EARLIER, EARLIER.scores, None)
    assert analysis.verdict.probability == 0.25
    (reason,) = analysis.verdict.reasons
    assert reason.code == "copy_analysed"
    assert "2026-01-02" in reason.text
    assert set(analysis.timing) == {"probe", "decode", "provenance", "recall", "total"}
    assert memory.asked[0][1] == analysis.fingerprint


def test_what_is_judged_tells_what_copies_are_recognised_by(tmp_path: Path, judge: Judge) -> None:
    memory, counting = Memory(), Counting()
    analysis = judge(file(tmp_path, photo(1)), memory, counting)
    assert counting.runs == 1
    assert analysis.copy_of is None
    assert analysis.likeness == memory.asked[0][0]
    assert analysis.timing["recall"] > 0


def test_the_origin_is_the_files_own(tmp_path: Path, judge: Judge) -> None:
    text = PngInfo()
    text.add_text("parameters", "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512")
    analysis = judge(file(tmp_path, photo(1), pnginfo=text), Memory(EARLIER), Brightness())
    assert [reason.code for reason in analysis.verdict.reasons] == ["copy_analysed", "generator_mark"]
    assert analysis.provenance.marks


def test_an_earlier_verdict_is_told_without_that_files_origin() -> None:
    said = Verdict(Band.LOW, 0.25, "mean", (reason(ReasonCode.VOTES, "a"),))
    mark = Provenance(marks=(GeneratorMark("Midjourney", "EXIF"),))
    assert with_provenance(said, mark) != said
    assert without_provenance(with_provenance(said, mark)) == said
    for origin in (Origin.CAMERA, Origin.GENERATED):
        decided = with_provenance(said, Provenance(Credentials(CredentialState.TRUSTED, origin)))
        assert without_provenance(decided) is None
    for state in CredentialState:
        told = with_provenance(said, Provenance(Credentials(state, Origin.EDITED)))
        assert without_provenance(told) == said


def test_a_clip_is_recognised_by_its_pictures_only_where_nobody_listens(tmp_path: Path, judge: Judge) -> None:
    path = clip(
        tmp_path / "a.mp4",
        size=(160, 120),
        sound="aac",
        picture=lambda number: np.asarray(photo(number, 160, 120)),
    )
    assert judge(path, Memory(EARLIER), Brightness()).copy_of is EARLIER
    for listening in (Memory(EARLIER), Memory()):
        analysis = judge(path, listening, Brightness(), Loudness())
        assert (analysis.copy_of, analysis.likeness, listening.asked) == (None, None, [])


def test_a_tiny_picture_is_judged_as_ever(tmp_path: Path, judge: Judge) -> None:
    memory = Memory(EARLIER)
    analysis = judge(file(tmp_path, photo(1, 32, 32)), memory, Brightness())
    assert (analysis.copy_of, analysis.likeness, memory.asked) == (None, None, [])


def test_a_memory_that_fails_costs_one_medium_only(tmp_path: Path, judge: Judge) -> None:
    def broken(likeness: Likeness, fingerprint: str) -> Earlier | None:
        raise RuntimeError("no")

    with pytest.raises(EngineFailed, match="RuntimeError: no"):
        judge(file(tmp_path, photo(1)), broken, Brightness())
