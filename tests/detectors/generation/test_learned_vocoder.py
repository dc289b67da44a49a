"""The learned vocoder: what it keeps of the real sound, and that its training learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from detectors.generation import base
from detectors.generation.learned_vocoder import HOP, NOISES, Vocoder, learned_vocoder
from detectors.generation.spectra import mel_bands, stft
from detectors.training.veritag_speech import vocoder as training
from tests.detectors.voices import vowel


def test_it_says_what_was_said() -> None:
    real = vowel()
    fake, _ = learned_vocoder(real, np.random.default_rng(1))
    bands = mel_bands(40, 512).T
    heard = [
        np.log(np.abs(stft(sound.astype(float), 512, 128)) ** 2 @ bands + 1e-4) for sound in (real, fake)
    ]
    assert np.corrcoef(heard[0].ravel(), heard[1].ravel())[0, 1] > 0.9
    assert np.abs(fake - real).max() > 1e-2


@pytest.mark.parametrize("sound", [np.zeros(4000, np.float32), vowel()[:100], vowel()[:1]])
def test_silence_and_scraps_do_not_break_it(sound: base.Sound) -> None:
    fake, _ = learned_vocoder(sound, np.random.default_rng(0))
    assert fake.shape == sound.shape
    assert np.isfinite(fake).all()


def test_it_is_registered() -> None:
    assert base.sound_generator("speech_learned_vocoder") is learned_vocoder


def test_training_learns_and_comes_out_the_same_again() -> None:
    sounds = [torch.from_numpy(vowel(seconds=0.8)), torch.from_numpy(vowel(seconds=0.3))]
    network, losses = training.train(sounds, steps=30, seed=1)
    again, _ = training.train(sounds, steps=30, seed=1)
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])


def test_the_weights_that_ship_are_small_and_fit() -> None:
    file = Path(base.__file__).parents[1] / "bundled" / "vocoder.safetensors"
    assert file.stat().st_size < 4_000_000
    assert set(load_file(file)) == set(Vocoder().state_dict())


def test_as_many_samples_as_frames_ask_for() -> None:
    energies = Vocoder().energies(torch.zeros(2, 10 * HOP))
    assert Vocoder()(energies, torch.zeros(2, NOISES, energies.shape[2])).shape == (2, 10 * HOP)


def test_sounds_of_the_set_held_out_are_not_learned_from(tmp_path: Path) -> None:
    import av

    for source in ("one", training.HELD_OUT):
        for kind, level in (("real", 0.5), ("fake", 0.25)):
            path = tmp_path / source / kind / f"{len(source)}.wav"
            path.parent.mkdir(parents=True)
            with av.open(str(path), "w") as container:
                stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
                samples = (vowel(seconds=0.2 + 0.1 * len(source)) * level * 30_000).astype(np.int16)[None]
                frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
                frame.sample_rate = 16_000
                container.mux(stream.encode(frame))
                container.mux(stream.encode(None))
    (learned,) = training.recordings(tmp_path)
    (held_out,) = training.recordings(tmp_path, held_out=True)
    assert len(held_out) > len(learned)
    assert float(learned.square().mean().sqrt()) == pytest.approx(0.1, rel=1e-3)
