"""Detectors that ask services wait on threads of their own: nobody else does, and the end is soon."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from PIL import Image

from analysis.asking import AT_ONCE
from analysis.engine import EmbeddedAnalyzer
from analysis.errors import EngineFailed
from analysis.limits import Limits
from analysis.members import load_members
from analysis.views import PRODUCERS
from detectors.base import Detector, Modality, Output, ServiceDetector, View
from detectors.errors import NotApplicable, ServiceMissing
from tests.analysis.fakes import Brightness, MeanPolicy, record


class Slow(ServiceDetector):
    """Answers when it is let go; notes how many ask at the same time, and on which threads."""

    view: ClassVar[View] = View.FRAMES

    def __init__(self, modality: Modality = Modality.IMAGE, name: str = "slow") -> None:
        self.record = record(name, modality)
        self.go = threading.Event()
        self.busy = self.most = 0
        self.threads: set[str] = set()
        self.lock = threading.Lock()

    def detect(self, view: Any) -> Output:
        self.threads.add(threading.current_thread().name)
        with self.lock:
            self.busy += 1
            self.most = max(self.most, self.busy)
        self.go.wait(20)
        with self.lock:
            self.busy -= 1
        level = float(view.float().mean()) / 255
        if level < 0.1:
            raise NotApplicable("too dark")
        if level > 0.9:
            raise RuntimeError("blinded")
        return Output(1.0)


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow()
    yield slow
    slow.go.set()


def engine(*detectors: Detector | str, **options: Any) -> EmbeddedAnalyzer:
    return EmbeddedAnalyzer(detectors, MeanPolicy(), Limits(), torch_threads=1, **options)


def picture(folder: Path, level: int) -> Path:
    path = folder / f"{level}.png"
    Image.new("RGB", (80, 80), (level,) * 3).save(path)
    return path


def until_asked(slow: Slow, count: int) -> None:
    until = time.monotonic() + 30
    while slow.busy < count and time.monotonic() < until:
        time.sleep(0.01)
    assert slow.busy == count


def test_the_networks_are_free_while_a_service_is_asked(slow: Slow, tmp_path: Path) -> None:
    analyzer = engine(slow, Brightness(), Slow(Modality.AUDIO, "deaf"))
    try:
        waiting = analyzer.submit(picture(tmp_path, 51))
        until_asked(slow, 1)
        analyzer.warm_up()  # is done by the networks' thread
        assert not waiting.done()
        slow.go.set()
        analysis = waiting.result(timeout=30)
    finally:
        slow.go.set()
        analyzer.close()
    asked, here, silent = analysis.scores
    assert (asked.score, here.score) == (1.0, pytest.approx(0.2))
    assert silent.reason == "judges sound only"
    assert slow.threads == {"services"}
    assert list(analysis.timing)[3:] == [
        *(
            "views",
            "detector:brightness",
            "detector:deaf",
            "room",
            "detector:slow",
            "quality",
            "ensemble",
            "total",
        )
    ]


def test_only_a_few_are_asked_at_once_and_all_are_answered(slow: Slow, tmp_path: Path) -> None:
    analyzer = engine(slow, Brightness())
    try:
        futures = [analyzer.submit(picture(tmp_path, 50 + n)) for n in range(AT_ONCE + 3)]
        until_asked(slow, AT_ONCE)
        slow.go.set()
        scores = [future.result(timeout=30).scores for future in futures]
    finally:
        slow.go.set()
        analyzer.close()
    assert slow.most == AT_ONCE
    assert [made[1].score for made in scores] == pytest.approx([(50 + n) / 255 for n in range(AT_ONCE + 3)])


def test_what_a_service_cannot_judge_or_breaks_on_leaves_the_others(slow: Slow, tmp_path: Path) -> None:
    slow.go.set()
    analyzer = engine(slow, Brightness())
    alone = engine(slow)
    try:
        dark, bright = (analyzer.submit(picture(tmp_path, level)).result(timeout=30) for level in (0, 255))
        with pytest.raises(EngineFailed, match="every detector failed"):
            alone.submit(picture(tmp_path, 255)).result(timeout=30)
    finally:
        analyzer.close()
        alone.close()
    assert [score.reason for score in dark.scores] == ["too dark", None]
    assert (bright.scores[0].reason, bright.scores[1].score) == ("failed: RuntimeError: blinded", 1.0)


def test_close_waits_for_no_service(slow: Slow, tmp_path: Path) -> None:
    analyzer = engine(slow)
    futures = [analyzer.submit(picture(tmp_path, 50 + n)) for n in range(AT_ONCE)]
    until_asked(slow, AT_ONCE)
    began = time.monotonic()
    analyzer.close()
    assert time.monotonic() - began < 4
    for future in futures:
        assert isinstance(future.exception(timeout=5), EngineFailed)
    slow.go.set()  # a late answer changes nothing
    assert all(isinstance(future.exception(), EngineFailed) for future in futures)


def test_a_detector_without_its_service_is_a_member_that_says_so(tmp_path: Path) -> None:
    def create(name: str) -> Detector:
        raise ServiceMissing("no language model is configured; set x.y")

    (member,) = load_members(["transcript"], create, PRODUCERS, lambda _: None)
    assert (member.detector, member.reason) == (None, "no language model is configured; set x.y")
    analyzer = engine("transcript", Brightness(), create=create)
    try:
        scores = analyzer.submit(picture(tmp_path, 51)).result(timeout=30).scores
    finally:
        analyzer.close()
    assert [(score.applicable, score.reason) for score in scores] == [
        (False, "no language model is configured; set x.y"),
        (True, None),
    ]
