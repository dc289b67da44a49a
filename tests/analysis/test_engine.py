"""The embedded engine: who judges what, what goes wrong alone, and how it starts and ends."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from PIL import Image

from analysis.engine import EmbeddedAnalyzer
from analysis.errors import ConfigurationError, EngineFailed, MediumRefused, Refusal
from analysis.limits import Limits, Sampling
from analysis.model import Analysis, Band, Kind, Score
from detectors.backends import Choice
from detectors.base import Detector, Modality
from detectors.errors import NotApplicable, UnknownDetector, WeightsMissing
from tests.analysis import fakes
from tests.analysis.fakes import Brightness, Loudness, MeanPolicy
from tests.analysis.media import animation, clip, encoded, sound, tone

Make = Callable[..., EmbeddedAnalyzer]


@pytest.fixture
def make() -> Iterator[Make]:
    made = []

    def make(*detectors: Detector | str, **options: Any) -> EmbeddedAnalyzer:
        options = {"limits": Limits(), "torch_threads": 1} | options
        made.append(EmbeddedAnalyzer(detectors, MeanPolicy(), **options))
        return made[-1]

    yield make
    for analyzer in made:
        analyzer.close()


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    path = tmp_path / "grey.png"
    path.write_bytes(encoded(Image.new("RGB", (8, 8), (51, 51, 51)), "PNG"))
    return path


def by_name(analysis: Analysis) -> dict[str, Score]:
    return {score.detector: score for score in analysis.scores}


def raiser(error: Exception) -> Callable[[], None]:
    def raises() -> None:
        raise error

    return raises


def test_a_picture_from_end_to_end(make: Make, grey: Path) -> None:
    analyzer = make(Brightness())
    analysis = analyzer.submit(grey).result(timeout=30)
    assert analysis.sha256 == hashlib.sha256(grey.read_bytes()).hexdigest()
    assert analysis.probe.kind is Kind.IMAGE
    assert analysis.verdict.probability == pytest.approx(0.2)
    assert analysis.scores[0].evidence == {"frame_scores": [pytest.approx(0.2)]}
    stages = {"probe", "decode", "provenance", "views", "detector:brightness", "quality", "ensemble", "total"}
    assert set(analysis.timing) == stages
    assert all(seconds >= 0 for seconds in analysis.timing.values())
    assert (
        analysis.timing["total"] >= sum(s for stage, s in analysis.timing.items() if stage != "total") * 0.9
    )
    assert analysis.fingerprint == analyzer.fingerprint


def test_each_detector_judges_what_it_covers(make: Make, grey: Path, tmp_path: Path) -> None:
    only_images = Brightness("stills", (Modality.IMAGE,))
    analyzer = make(Brightness(), only_images, Loudness())
    for path, judging in (
        (grey, {"brightness", "stills"}),
        (clip(tmp_path / "silent.mp4"), {"brightness"}),
        (clip(tmp_path / "clip.mp4", sound="aac"), {"brightness", "loudness"}),
        (sound(tmp_path / "a.wav", "pcm_s16le", tone(0.2, 16000), 16000), {"loudness"}),
    ):
        scores = by_name(analyzer.submit(path).result(timeout=30))
        assert {name for name, score in scores.items() if score.applicable} == judging, path
        for score in scores.values():
            assert score.applicable == (score.score is not None) == (score.reason is None)
    assert scores["stills"].reason == "judges pictures only"
    assert scores["brightness"].reason == "judges pictures and videos only"


def test_an_animation_is_a_video(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(animation("GIF"))
    analysis = make(Brightness()).submit(path).result(timeout=30)
    assert analysis.probe.kind is Kind.VIDEO
    assert len(analysis.scores[0].evidence["frame_scores"]) == 6


def test_not_applicable_is_no_failure(make: Make, grey: Path) -> None:
    reason = raiser(NotApplicable("the picture is smaller than 64 pixels"))
    analysis = make(Brightness(raises=reason)).submit(grey).result(timeout=30)
    assert analysis.scores == (Score("brightness", None, False, "the picture is smaller than 64 pixels"),)
    assert analysis.verdict.band is Band.UNKNOWN


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (Brightness("broken", raises=raiser(ZeroDivisionError("oh"))), "failed: ZeroDivisionError: oh"),
        (fakes.NotANumber("broken"), "failed: a logit is not finite"),
        (fakes.OutOfRange("broken"), "failed: the score 1.5 is not in [0, 1]"),
    ],
)
def test_a_crashing_detector_leaves_the_others(broken: Detector, reason: str, make: Make, grey: Path) -> None:
    analysis = make(broken, Brightness()).submit(grey).result(timeout=30)
    assert by_name(analysis)["broken"].reason == reason
    assert analysis.verdict.probability == pytest.approx(0.2)


def test_no_score_because_of_crashes_is_worth_another_try(make: Make, grey: Path) -> None:
    analyzer = make(
        fakes.NotANumber("a"), Brightness("b", raises=raiser(RuntimeError("no memory"))), Loudness()
    )
    with pytest.raises(EngineFailed, match="a: a logit is not finite; b: RuntimeError: no memory"):
        analyzer.submit(grey).result(timeout=30)


def test_missing_weights_are_decided_once_at_start(make: Make, grey: Path) -> None:
    asked = []

    def create(name: str) -> Detector:
        asked.append(name)
        if name == "absent":
            raise WeightsMissing(name)
        return Brightness(name)

    analyzer = make("absent", "present", create=create)
    steps: list[str] = []
    analyzer.warm_up(steps.append)
    for _ in range(2):
        scores = by_name(analyzer.submit(grey).result(timeout=30))
        assert scores["absent"].reason == "weights not fetched; run `veritag weights fetch absent`"
        assert scores["present"].applicable
    assert asked == ["absent", "present"]
    assert steps == ["loading absent", "loading present", "ready"]
    health = analyzer.health()
    assert health["detectors"] == {"absent": scores["absent"].reason, "present": "ready"}
    assert health["alive"]


def test_loading_waits_for_the_first_medium(make: Make, grey: Path) -> None:
    loaded_on: list[str] = []

    def create(name: str) -> Detector:
        loaded_on.append(threading.current_thread().name)
        return Brightness(name)

    analyzer = make("late", create=create)
    assert loaded_on == []
    analyzer.submit(grey).result(timeout=30)
    analyzer.warm_up()
    assert loaded_on == ["networks"]


def test_lists_that_cannot_be_used(make: Make, grey: Path) -> None:
    with pytest.raises(ConfigurationError, match="no detector"):
        make()
    with pytest.raises(ConfigurationError, match="brightness is listed twice"):
        make(Brightness(), "brightness")
    with pytest.raises(ConfigurationError, match="speech needs the view transcript"):
        make(fakes.Speech("speech"))
    with pytest.raises(ConfigurationError, match="at least 1"):
        make(Brightness(), decode_workers=0)

    def unknown(name: str) -> Detector:
        raise UnknownDetector(name, ("a", "b"))

    for create, message in (
        (unknown, "no detector 'x'; known: a, b"),
        (fakes.Speech, "needs the view transcript"),
    ):
        analyzer = make("x", create=create)
        with pytest.raises(ConfigurationError, match=message):
            analyzer.warm_up()
        with pytest.raises(EngineFailed, match=message):
            analyzer.submit(grey).result(timeout=30)


def test_the_fingerprint_follows_what_decides_the_verdict(make: Make) -> None:
    class Other(MeanPolicy):
        fingerprint = "2"

    def missing(name: str) -> Detector:
        raise WeightsMissing(name)

    changed = Brightness()
    changed.record = fakes.record("brightness", Modality.IMAGE, Modality.VIDEO, sha256="1" * 64)
    other = EmbeddedAnalyzer([Brightness()], Other(), Limits())
    prints = [
        make(Brightness()).fingerprint,
        make(Brightness("renamed")).fingerprint,
        make(changed).fingerprint,
        make(Brightness(), limits=Limits(frames_per_video=3)).fingerprint,
        make(Brightness(), limits=Limits(sampling=Sampling.PUBLISHED)).fingerprint,
        make(Brightness(), limits=Limits(max_audio_seconds=3)).fingerprint,
        make(Brightness(), limits=Limits(max_view_bytes=3000)).fingerprint,
        make("brightness", create=missing).fingerprint,
        other.fingerprint,
    ]
    other.close()
    assert len(set(prints)) == len(prints)
    assert make(Brightness(), decode_workers=2, torch_threads=2).fingerprint == prints[0]
    assert make("brightness", create=Brightness).fingerprint == prints[0]
    assert make(Brightness(), limits=Limits(decode_seconds=5)).fingerprint == prints[0]


def test_one_thread_owns_the_networks(make: Make, grey: Path) -> None:
    detector = Brightness()
    analyzer = make(detector, decode_workers=2)
    with ThreadPoolExecutor(8) as callers:
        futures = list(callers.map(lambda _: analyzer.submit(grey), range(40)))
    assert {future.result(timeout=30).sha256 for future in futures} == {
        hashlib.sha256(grey.read_bytes()).hexdigest()
    }
    assert detector.threads == {"views"}


def test_torch_threads_are_as_configured(make: Make, grey: Path) -> None:
    seen: list[int] = []
    detector = Brightness(raises=lambda: seen.append(torch.get_num_threads()))
    make(detector, torch_threads=2).submit(grey).result(timeout=30)
    assert seen == [2]


def test_the_queue_is_bounded(make: Make, grey: Path) -> None:
    go = threading.Event()
    analyzer = make(Brightness(raises=lambda: go.wait(30)), queue_size=3)
    futures = [analyzer.submit(grey) for _ in range(3)]
    late: list[Future[Analysis]] = []
    fourth = threading.Thread(target=lambda: late.append(analyzer.submit(grey)))
    fourth.start()
    fourth.join(timeout=0.3)
    assert fourth.is_alive()
    go.set()
    fourth.join(timeout=10)
    for future in (*futures, *late):
        assert future.result(timeout=10)


def test_a_waiting_medium_can_be_cancelled(make: Make, grey: Path) -> None:
    go = threading.Event()
    analyzer = make(Brightness(raises=lambda: go.wait(30)))
    futures = [analyzer.submit(grey) for _ in range(6)]
    assert futures[-1].cancel()
    go.set()
    for future in futures[:-1]:
        assert future.result(timeout=10)
    with pytest.raises(CancelledError):
        futures[-1].result()


def test_close_ends_everything_soon(make: Make, grey: Path, tmp_path: Path) -> None:
    slow = tmp_path / "slow.png"
    frames = [Image.new("RGB", (3000, 3000), (i, i, i)) for i in range(8)]
    frames[0].save(slow, save_all=True, append_images=frames[1:], compress_level=1, duration=100)
    others = psutil.Process().children()
    analyzer = make(Brightness(), decode_workers=2)
    analyzer.submit(grey).result(timeout=30)
    futures = [analyzer.submit(slow) for _ in range(6)]
    time.sleep(0.3)
    start = time.monotonic()
    analyzer.close()
    analyzer.close()
    assert time.monotonic() - start < 4
    for future in futures:
        with pytest.raises((CancelledError, EngineFailed)):
            future.result(timeout=1)
    assert psutil.Process().children() == others
    with pytest.raises(EngineFailed, match="closed"):
        analyzer.submit(grey)
    with pytest.raises(EngineFailed, match="closed"):
        analyzer.warm_up()


def test_a_blocked_submit_is_let_go_by_close(make: Make, grey: Path) -> None:
    go = threading.Event()
    analyzer = make(Brightness(raises=lambda: go.wait(30)), queue_size=2)
    for _ in range(2):
        analyzer.submit(grey)
    refused = []

    def blocked() -> None:
        try:
            analyzer.submit(grey)
        except EngineFailed:
            refused.append(True)

    thread = threading.Thread(target=blocked)
    thread.start()
    time.sleep(0.2)
    threading.Timer(0.5, go.set).start()
    analyzer.close()
    thread.join(timeout=5)
    assert refused == [True]


def test_the_engine_outlives_a_dying_child(make: Make, grey: Path, tmp_path: Path) -> None:
    heavy = tmp_path / "heavy.png"
    Image.new("RGB", (9000, 9000)).save(heavy, compress_level=1)
    analyzer = make(Brightness(), limits=Limits(decode_memory_bytes=1 << 30))
    first, second, third = (analyzer.submit(path) for path in (grey, heavy, grey))
    assert first.result(timeout=30)
    with pytest.raises(MediumRefused) as caught:
        second.result(timeout=30)
    assert caught.value.reason is Refusal.DECODER_DIED
    assert third.result(timeout=30)


def test_memory_is_flat_over_some_hundred_media(make: Make, grey: Path, tmp_path: Path) -> None:
    moving = clip(tmp_path / "clip.mp4", size=(320, 240), sound="aac")
    analyzer = make(Brightness(), Loudness(), decode_workers=2)
    memory = []
    for _ in range(3):
        for future in [analyzer.submit(path) for path in (grey, moving) * 50]:
            future.result(timeout=30)
        memory.append(psutil.Process().memory_info().rss)
    assert memory[2] - memory[1] < 16 << 20


class Joined(Brightness):
    """Remembers how many inputs it was given at once, and takes its time for the first."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.first = threading.Event()

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        if not self.sizes:
            self.first.wait(20)
        self.sizes.append(len(batch))
        return super().forward(batch)


def test_media_that_wait_are_judged_together(make: Make, grey: Path) -> None:
    detector = Joined()
    analyzer = make(detector)
    futures = [analyzer.submit(grey) for _ in range(8)]
    until = time.monotonic() + 20
    while analyzer._ready.qsize() < 7 - len(detector.sizes) and time.monotonic() < until:
        time.sleep(0.01)
    held = analyzer.health()["held_bytes"]
    detector.first.set()
    scores = [future.result(timeout=30).scores[0].score for future in futures]
    assert scores == [pytest.approx(0.2)] * 8
    assert sum(detector.sizes) == 8
    assert len(detector.sizes) < 8
    assert isinstance(held, int)
    assert held > 0
    assert analyzer.health()["held_bytes"] == 0
    assert analyzer.health()["reduced_batches"] == {}


def test_one_medium_that_fails_in_a_batch_fails_alone(make: Make, grey: Path, tmp_path: Path) -> None:
    class Picky(Brightness):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            if (batch > 0.9).any():
                raise ValueError("too bright")
            return batch

    white = tmp_path / "white.png"
    Image.new("RGB", (64, 64), (255, 255, 255)).save(white)
    analyzer = make(Picky())
    futures = [analyzer.submit(path) for path in (grey, white, grey, grey)]
    for number in (0, 2, 3):
        assert futures[number].result(timeout=30).scores[0].score == pytest.approx(0.2)
    with pytest.raises(EngineFailed, match="too bright"):
        futures[1].result(timeout=30)


def test_exact_and_the_runner_are_part_of_the_fingerprint(make: Make) -> None:
    prints = {make(Brightness(), choice=choice).fingerprint for choice in (Choice(), Choice(exact=True))}
    assert len(prints) == 2
    assert make(Brightness(), limits=Limits(sampling=Sampling.LINSPACE)).fingerprint not in prints
