"""The re-delivery check: verdicts that copies confirm stand, others turn uncertain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from analysis import redelivery
from analysis.engine import EmbeddedAnalyzer
from analysis.limits import Limits
from analysis.model import Analysis, Band, Kind, Reason, Score, Verdict
from detectors.base import Detector, Modality, Output, ServiceDetector, View
from detectors.errors import NotApplicable
from tests.analysis.fakes import Brightness, Loudness, record
from tests.analysis.media import clip, encoded, sound, tone

Make = Callable[..., EmbeddedAnalyzer]


class Cuts:
    """High from 0.8 on, low up to 0.2, with a reason that vouches for the band."""

    name = "cuts"
    fingerprint = "1"

    def judge(self, kind: Kind, scores: Sequence[Score], *, quality: float = 1.0) -> Verdict:
        values = [score.score for score in scores if score.score is not None]
        if not values:
            return Verdict(Band.UNKNOWN, None, self.name, ())
        mean = sum(values) / len(values)
        band = Band.HIGH if mean >= 0.8 else Band.LOW if mean <= 0.2 else Band.UNCERTAIN
        vouched = Reason("measured_false_alarms", "of 1000 real images ...")
        return Verdict(band, min(max(mean, 0.01), 0.99), self.name, (vouched, Reason("other", "stays")))


class Fragile(Brightness):
    """Sees strong signs in noise, which JPEG leaves and scaling makes smoother."""

    def preprocess(self, view: Tensor) -> Tensor:
        self.seen = [*getattr(self, "seen", []), tuple(view.shape)]
        steps = (view[:, :, 1:].float() - view[:, :, :-1].float()).abs().flatten(1).mean(1)
        return (steps > 80).float() * 0.98 + 0.01


class FragileSound(Loudness):
    """Hears strong signs in hiss, of which Opus at 24 kbit/s leaves little."""

    def preprocess(self, view: Tensor) -> Tensor:
        steps = (view[1:] - view[:-1]).abs().mean()
        return ((steps > 0.1).float() * 0.98 + 0.01)[None]


class Steady(Brightness):
    """One score whatever it is shown, and how often that was."""

    asked = 0

    def preprocess(self, view: Tensor) -> Tensor:
        self.asked += 1
        return view.flatten(1).float().mean(1) * 0 + 0.95


@pytest.fixture
def make() -> Iterator[Make]:
    made = []

    def make(*detectors: Detector, **options: Any) -> EmbeddedAnalyzer:
        made.append(EmbeddedAnalyzer(detectors, Cuts(), Limits(), torch_threads=1, **options))
        return made[-1]

    yield make
    for analyzer in made:
        analyzer.close()


def noise(height: int, width: int) -> Any:
    return np.random.default_rng(0).integers(0, 2, (height, width, 1), dtype=np.uint8).repeat(3, 2) * 200


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "noise.png"
    path.write_bytes(encoded(Image.fromarray(noise(128, 128)), "PNG"))
    return path


def judged(engine: EmbeddedAnalyzer, path: Path) -> Analysis:
    return engine.submit(path).result(timeout=60)


def test_a_steady_verdict_stands(make: Make, picture: Path) -> None:
    steady = Steady()
    analysis = judged(make(steady), picture)
    assert analysis.verdict.band is Band.HIGH
    assert [reason.code for reason in analysis.verdict.reasons] == ["measured_false_alarms", "other"]
    assert steady.asked == 3
    assert "redelivery" in analysis.timing


def test_a_picture_whose_copy_gets_another_verdict_is_uncertain(make: Make, picture: Path) -> None:
    fragile = Fragile()
    analysis = judged(make(fragile), picture)
    verdict = analysis.verdict
    assert verdict.band is Band.UNCERTAIN
    assert [reason.code for reason in verdict.reasons] == ["redelivery_flips", "other"]
    assert verdict.reasons[0].text == (
        "a smaller copy of this image would get another verdict (low instead of high), so neither counts"
    )
    assert verdict.probability in (pytest.approx(0.01), pytest.approx(0.99))
    assert analysis.scores[0].score == pytest.approx(0.99)  # what was seen is told as it was
    assert fragile.seen == [(1, 128, 128, 3), (1, 128, 128, 3), (1, 96, 96, 3)]


def test_it_can_be_turned_off_and_the_fingerprint_says_so(make: Make, picture: Path) -> None:
    on, off = make(Fragile()), make(Fragile(), redelivery=False)
    assert judged(off, picture).verdict.band is Band.HIGH
    assert on.fingerprint != off.fingerprint


def test_uncertain_verdicts_cost_nothing_more(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    path.write_bytes(encoded(Image.new("RGB", (64, 64), (128, 128, 128)), "PNG"))
    analysis = judged(make(Brightness()), path)
    assert analysis.verdict.band is Band.UNCERTAIN
    assert "redelivery" not in analysis.timing


def test_a_clip_is_checked_by_a_few_frames(make: Make, tmp_path: Path) -> None:
    fragile = Fragile()
    path = clip(
        tmp_path / "a.mp4",
        size=(128, 128),
        picture=lambda i: noise(128, 128),
        codec_options={"crf": "1", "g": "5"},
    )
    verdict = judged(make(fragile), path).verdict
    assert verdict.band is Band.UNCERTAIN
    assert "copy of this video would" in verdict.reasons[0].text
    assert fragile.seen[0][0] == 15
    assert {shape[0] for shape in fragile.seen[1:]} == {redelivery.FRAMES}


def test_sound_goes_as_voice_note(make: Make, tmp_path: Path) -> None:
    hiss = np.random.default_rng(0).uniform(-0.6, 0.6, (1, 32_000)).astype(np.float32)
    hiss = hiss - np.roll(hiss, 1)  # nearly all of it in the highest tones
    path = sound(tmp_path / "a.wav", "pcm_s16le", hiss * 0.15, 16_000)
    assert judged(make(FragileSound(), redelivery=False), path).verdict.band is Band.HIGH
    verdict = judged(make(FragileSound()), path).verdict
    assert verdict.band is Band.UNCERTAIN
    assert verdict.reasons[0].text.startswith("a recompressed copy of this audio recording would")
    loud = sound(tmp_path / "b.wav", "pcm_s16le", tone(2, 16_000, amplitude=0.1), 16_000)
    assert judged(make(Loudness()), loud).verdict.band is Band.LOW


def test_opus_keeps_length_and_place() -> None:
    wave = tone(1.3, 16_000)[0]
    wave[:8000] = 0
    back = redelivery.as_voice_note(wave)
    assert back.shape == wave.shape
    assert np.corrcoef(wave, back)[0, 1] > 0.99
    assert redelivery.as_voice_note(wave[:10]).shape == (10,)


class OnlyWhole(Brightness):
    """Judges no picture under 100 pixels."""

    def preprocess(self, view: Tensor) -> Tensor:
        if view.shape[1] < 100:
            raise NotApplicable("too small")
        return view.flatten(1).float().mean(1) * 0 + 0.95


def test_who_cannot_judge_a_copy_keeps_the_score(make: Make, picture: Path) -> None:
    assert judged(make(OnlyWhole()), picture).verdict.band is Band.HIGH


class Crashing(Steady):
    def preprocess(self, view: Tensor) -> Tensor:
        scores = super().preprocess(view)
        if self.asked > 1:
            raise RuntimeError("oh")
        return scores


def test_a_crash_on_a_copy_costs_no_verdict(make: Make, picture: Path) -> None:
    assert judged(make(Crashing()), picture).verdict.band is Band.HIGH


class Service(ServiceDetector):
    view: ClassVar[View] = View.FRAMES

    def __init__(self) -> None:
        self.record = record("service", Modality.IMAGE)
        self.asked = 0

    def detect(self, view: Any) -> Output:
        self.asked += 1
        return Output(0.99)


def test_services_are_not_asked_again(make: Make, picture: Path) -> None:
    service, steady = Service(), Steady()
    analysis = judged(make(steady, service), picture)
    assert analysis.verdict.band is Band.HIGH
    assert (service.asked, steady.asked) == (1, 3)
