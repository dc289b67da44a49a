"""The speech detector: windows, when it declines, evidence, the bundled weights."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

import detectors
from detectors import weights
from detectors.base import Detector, Modality, View
from detectors.errors import NotApplicable
from detectors.veritag_speech.detector import MAX_WINDOWS, SpeechNetwork, cut_windows
from detectors.veritag_speech.statistics import SAMPLE_RATE, WINDOW
from tests.detectors.voices import vowel


@pytest.fixture(scope="module")
def detector() -> Iterator[Detector]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield detectors.create("veritag_speech")
    torch.set_num_threads(threads)


def voice(seconds: float, seed: int = 0) -> Tensor:
    return torch.from_numpy(vowel(seconds=seconds, seed=seed))


def silence(seconds: float) -> Tensor:
    return torch.zeros(int(seconds * SAMPLE_RATE))


def test_the_record_describes_the_bundled_weights(detector: Detector) -> None:
    record = detector.record
    assert weights.find(record).stat().st_size < 50_000
    assert record.parameters == sum(p.numel() for p in SpeechNetwork().parameters())
    assert record.preprocessing["window_samples"] == WINDOW
    assert record.preprocessing["max_windows"] == MAX_WINDOWS
    assert detector.view is View.WAVEFORM
    assert record.modalities == (Modality.AUDIO,)
    assert record.measured
    assert record.trained_on
    assert any("Music" in limit for limit in record.limits)
    assert all(m.low <= m.value <= m.high for m in record.measured)


def test_several_windows_leave_their_scores_and_places(detector: Detector) -> None:
    output = detector.detect(torch.cat([silence(0.5), voice(5.0), silence(1.0)]))
    assert output.evidence["window_starts"] == pytest.approx([0.5, 2.0, 3.5], abs=0.03)
    scores = output.evidence["window_scores"]
    assert len(scores) == 3
    mean = sum(math.log(score / (1 - score)) for score in scores) / 3
    assert math.log(output.score / (1 - output.score)) == pytest.approx(mean, abs=0.02)
    json.dumps(output.evidence)


def test_one_window_needs_no_evidence(detector: Detector) -> None:
    output = detector.detect(voice(1.5))
    assert 0 < output.score < 1
    assert output.evidence == {}


def test_neither_loudness_nor_offset_nor_silence_around_it_changes_the_score(detector: Detector) -> None:
    sound = voice(3.0)
    score = detector.detect(sound).score
    for other in (0.1 * sound, sound + 0.2, torch.cat([silence(0.4), sound, silence(0.6)])):
        assert detector.detect(other).score == pytest.approx(score, abs=0.02)


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        (silence(3), "silent"),
        (silence(0), "too little speech"),
        (voice(0.7), r"too little speech to judge \(0\.\d\d s; at least 1 s\)"),
        (torch.cat([voice(0.6), silence(20)]), "too little speech"),
        (torch.full((SAMPLE_RATE * 2,), 0.5), "silent"),
        (torch.full((SAMPLE_RATE * 2,), math.nan), "not numbers"),
        (torch.cat([voice(2), torch.tensor([math.inf])]), "not numbers"),
    ],
)
def test_what_cannot_be_judged_is_declined_with_the_reason(
    detector: Detector, sound: Tensor, reason: str
) -> None:
    with pytest.raises(NotApplicable, match=reason):
        detector.detect(sound)


@pytest.mark.parametrize(
    "sound",
    [torch.randn(40_000, generator=torch.Generator().manual_seed(0)), torch.ones(40_000).cumsum(0).sin()],
)
def test_rubbish_that_sounds_gets_some_score(detector: Detector, sound: Tensor) -> None:
    assert 0 <= detector.detect(sound).score <= 1


def test_windows_cover_the_speech_and_leave_out_long_pauses() -> None:
    windows, starts = cut_windows(torch.cat([voice(4.0), silence(8.0), voice(4.0, seed=1)]))
    assert windows.shape == (len(starts), WINDOW)
    seconds = starts / SAMPLE_RATE
    assert seconds[0] == pytest.approx(0.0, abs=0.05)
    assert seconds[-1] == pytest.approx(14.0, abs=0.05)
    assert not ((seconds > 4) & (seconds < 11)).any()


def test_a_long_sound_is_sampled_from_end_to_end() -> None:
    windows, starts = cut_windows(voice(4.0).repeat(40))
    assert len(windows) == MAX_WINDOWS
    assert starts[-1] / SAMPLE_RATE == pytest.approx(158, abs=0.1)


def test_batches_of_several_media_give_the_same_logits(detector: Detector) -> None:
    one, two = detector.preprocess(voice(5.0)), detector.preprocess(voice(2.5, seed=3))
    together = detector.forward(torch.cat([one, two]))
    assert together[: len(one)] == pytest.approx(detector.forward(one), abs=1e-4)
    assert detector.reduce(together[len(one) :]).score == pytest.approx(
        detector.detect(voice(2.5, seed=3)).score
    )


def test_half_a_minute_takes_little_time(detector: Detector) -> None:
    sound = voice(5.0).repeat(6)
    detector.detect(sound)
    begun = time.process_time()
    detector.detect(sound)
    assert time.process_time() - begun < 3  # measured 0.2 s on an idle core; machines under load differ
