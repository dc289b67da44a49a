"""What the statistics see, and what they must not see."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from detectors.veritag_speech.activity import active_frames
from detectors.veritag_speech.detector import STATISTICS
from detectors.veritag_speech.statistics import (
    SAMPLE_RATE,
    WINDOW,
    SpeechStatistics,
    activity,
    bands,
    coherence,
    envelopes,
    phases,
    short_time_spectra,
)
from tests.detectors.voices import vowel


def voice() -> Tensor:
    return torch.from_numpy(vowel(seconds=2.0))[None]


def noise() -> Tensor:
    return torch.randn((1, WINDOW), generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(
    "window", [voice(), noise(), torch.zeros(1, WINDOW), 1e-8 * noise(), 1e6 * noise(), torch.ones(1, WINDOW)]
)
def test_they_are_finite_whatever_they_hear(window: Tensor) -> None:
    found = SpeechStatistics()(window)
    assert found.shape == (1, STATISTICS)
    assert found.isfinite().all()


def test_loudness_and_what_lies_above_seven_kilohertz_hardly_matter() -> None:
    statistics = SpeechStatistics()
    time = torch.arange(WINDOW) / SAMPLE_RATE
    whistle = 0.01 * torch.sin(2 * torch.pi * 7600 * time)
    heard = statistics(voice())
    assert statistics(30 * voice()) == pytest.approx(heard, abs=1e-3)
    assert (statistics(voice() + whistle) - heard).abs().median() < 0.01
    assert (statistics(noise()) - heard).abs().median() > 0.05


@pytest.mark.parametrize("size", [256, 512, 1024])
def test_neighbouring_bins_turn_together_in_a_tone_and_apart_in_noise(size: int) -> None:
    time = torch.arange(WINDOW) / SAMPLE_RATE
    tone = sum(torch.sin(2 * torch.pi * 1000 * n * time) for n in range(1, 7))
    assert isinstance(tone, Tensor)
    of_noise, of_tone = (coherence(sound, size)[0].chunk(2)[1].max() for sound in (noise(), tone[None]))
    assert of_noise < 0.2
    assert of_tone > 0.25


def test_phases_of_pulses_are_steadier_than_those_of_noise() -> None:
    def steadiness(sound: Tensor) -> Tensor:
        return phases(short_time_spectra(sound, 512, 128))[0].chunk(3)[1].mean()

    assert steadiness(voice()) > steadiness(noise()) + 0.05


def test_bands_of_a_voice_pulse_together_and_bands_of_noise_do_not() -> None:
    together = envelopes(voice())[0, -27 - 26 - 24 - 20 :]
    apart = envelopes(noise())[0, -26 - 24 - 20 :]  # next neighbours overlap, so noise is alike there too
    assert together.mean() > 0.3
    assert apart.abs().mean() < 0.1


def test_bands_average_whole_groups_of_bins() -> None:
    assert bands(torch.arange(7.0)[None], 3).tolist() == [[1.0, 4.0]]
    assert bands(torch.ones(2, 6, 5), 2).shape == (2, 3, 5)


def test_pauses_hardly_count() -> None:
    energies = torch.tensor([1.0, 1.0, 1e-6, 1.0])[None, None].repeat(1, 4, 1)
    weight = activity(energies)[0, 0]
    assert weight.sum() == pytest.approx(1)
    assert weight[2] < 0.01


def test_active_frames_follow_the_loud_parts_and_ignore_an_offset() -> None:
    sound = torch.cat([torch.zeros(3200), 0.1 * noise()[0, :6400], 1e-4 * noise()[0, :3200]])
    expected = [False] * 10 + [True] * 20 + [False] * 10
    assert active_frames(sound).tolist() == expected
    assert active_frames(sound + 0.3).tolist() == expected
    assert not active_frames(torch.full((6400,), 0.5)).any()
    assert active_frames(sound[:100]).tolist() == []
