"""Speech fakes: what every generator keeps of the real sound, and what it throws away."""

from __future__ import annotations

import json

import numpy as np
import pytest

from detectors.base import Modality
from detectors.generation import base, source_filter
from detectors.generation.base import SoundGenerator
from detectors.generation.learned_vocoder import learned_vocoder
from detectors.generation.spectra import istft, mel_bands, minimum_phase, stft
from detectors.generation.speech import GENERATORS, resynthesise
from tests.detectors.voices import SECOND, vowel


@pytest.mark.parametrize("generator", [*GENERATORS.values(), learned_vocoder], ids=lambda own: own.__name__)
def test_a_fake_is_as_long_and_as_loud_and_follows_its_seed(generator: SoundGenerator) -> None:
    real = vowel()
    fake, description = generator(real, np.random.default_rng(3))
    again, same = generator(real, np.random.default_rng(3))
    other, _ = generator(real, np.random.default_rng(4))
    assert fake.shape == real.shape
    assert fake.dtype == np.float32
    assert np.sqrt(np.mean(fake**2)) == pytest.approx(np.sqrt(np.mean(real**2)), rel=1e-3)
    assert np.array_equal(fake, again)
    assert description == same == json.loads(json.dumps(description))
    assert not np.array_equal(fake, other)
    assert np.abs(fake - real).max() > 1e-3


@pytest.mark.parametrize("name", sorted(GENERATORS))
def test_the_loud_parts_stay_where_they_were(name: str) -> None:
    real = vowel()
    fake, _ = GENERATORS[name](real, np.random.default_rng(1))
    levels = [np.log(np.square(sound).reshape(-1, 800).mean(axis=1) + 1e-7) for sound in (real, fake)]
    assert np.corrcoef(*levels)[0, 1] > 0.75


@pytest.mark.parametrize("name", sorted(GENERATORS))
@pytest.mark.parametrize("sound", [np.zeros(4000, np.float32), vowel()[:100], vowel()[:1]])
def test_silence_and_scraps_do_not_break_a_generator(name: str, sound: base.Sound) -> None:
    fake, _ = GENERATORS[name](sound, np.random.default_rng(0))
    assert fake.shape == sound.shape
    assert np.isfinite(fake).all()


def test_every_generator_is_registered_under_its_name() -> None:
    registered = {name for name in base.names() if base.entry(name).modality is Modality.AUDIO}
    assert {f"speech_{name}" for name in GENERATORS} <= registered
    for name, function in GENERATORS.items():
        assert base.sound_generator(f"speech_{name}") is function


def test_a_drawn_generator_says_which_it_was() -> None:
    real = vowel(seconds=0.4)
    methods = {resynthesise(real, np.random.default_rng(seed))[1]["method"] for seed in range(24)}
    assert len(methods) >= 4
    assert methods <= set(GENERATORS)


@pytest.mark.parametrize("frequency", [90.0, 130.0, 220.0])
def test_pitch_finds_the_voice_and_the_pause(frequency: float) -> None:
    sound = vowel(frequency)
    found, periodicity = source_filter.pitch(sound.astype(np.float64))
    assert np.median(found[10:70]) == pytest.approx(frequency, rel=0.03)
    assert np.median(periodicity[10:70]) > 0.8
    _, of_noise = source_filter.pitch(np.random.default_rng(0).standard_normal(SECOND))
    assert np.mean(of_noise > 0) < 0.1


@pytest.mark.parametrize(("size", "hop"), [(256, 64), (400, 50), (1024, 256)])
def test_spectra_lead_back_to_the_sound(size: int, hop: int) -> None:
    sound = vowel().astype(np.float64)
    assert istft(stft(sound, size, hop), size, hop, len(sound)) == pytest.approx(sound, abs=1e-9)


def test_mel_bands_cover_the_spectrum_once() -> None:
    weights = mel_bands(64, 1024)
    assert weights.shape == (64, 513)
    inside = weights.sum(axis=0)[10:460]
    assert inside == pytest.approx(np.ones_like(inside), abs=1e-9)


def test_minimum_phase_keeps_magnitudes_and_puts_energy_first() -> None:
    magnitudes = np.abs(np.fft.rfft(np.exp(-np.arange(512) / 40) * np.random.default_rng(0).normal(size=512)))
    spectra = minimum_phase(magnitudes[None])
    assert np.abs(spectra[0]) == pytest.approx(magnitudes, rel=1e-6)
    answer = np.fft.irfft(spectra[0]) ** 2
    zero_phase = np.fft.irfft(magnitudes) ** 2
    assert answer[:64].sum() > zero_phase[:64].sum()
