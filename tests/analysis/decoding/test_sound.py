"""Every sound becomes mono float32 at 16 kHz at its own loudness."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.decoding.decoder import Decoder
from analysis.errors import MediumRefused, Refusal
from analysis.limits import Limits
from analysis.model import Kind
from tests.analysis.media import clip, sound, tone

CODECS = {
    "a.wav": "pcm_s16le",
    "f.wav": "pcm_f32le",
    "a.mp3": "libmp3lame",
    "a.flac": "flac",
    "a.opus": "libopus",
}
CODECS |= {"a.m4a": "aac", "a.aac": "aac", "a.aiff": "pcm_s16be", "a.ac3.mkv": "ac3", "a.webm": "libopus"}


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format(name: str, channels: int, decoder: Decoder, tmp_path: Path) -> None:
    medium = decoder.decode(sound(tmp_path / name, CODECS[name], tone(1.0, 48000, channels), 48000))
    assert medium.probe.kind is Kind.AUDIO
    assert medium.probe.has_audio
    assert medium.probe.mime.startswith("audio/")
    assert medium.frames is None
    wave = medium.waveform
    assert wave is not None
    assert wave.dtype == np.float32
    assert 0.95 < len(wave) / 16000 < 1.06
    middle = wave[4000:12000]
    assert 0.3 < np.sqrt((middle**2).mean()) < 0.4  # a sine of 0.5: 0.354
    spectrum = np.abs(np.fft.rfft(middle))
    assert spectrum.argmax() * 16000 / len(middle) == pytest.approx(440, abs=4)


def test_stereo_is_averaged_not_summed(decoder: Decoder, tmp_path: Path) -> None:
    left = tone(0.5, 16000, amplitude=0.8)
    samples = np.concatenate([left, np.zeros_like(left)])
    wave = decoder.decode(sound(tmp_path / "a.wav", "pcm_f32le", samples, 16000)).waveform
    assert wave is not None
    assert np.abs(wave - left[0] / 2).max() < 1e-3


def test_full_scale_stays_in_range_and_rubbish_becomes_silence(decoder: Decoder, tmp_path: Path) -> None:
    samples = tone(0.2, 16000, amplitude=3.0)
    samples[0, 100:200] = np.nan
    samples[0, 300:310] = np.inf
    wave = decoder.decode(sound(tmp_path / "a.wav", "pcm_f32le", samples, 16000)).waveform
    assert wave is not None
    assert np.isfinite(wave).all()
    assert np.abs(wave).max() <= 1
    assert (wave[110:190] == 0).all()


def test_silence_is_fine(decoder: Decoder, tmp_path: Path) -> None:
    wave = decoder.decode(
        sound(tmp_path / "a.wav", "pcm_s16le", np.zeros((1, 8000), np.float32), 8000)
    ).waveform
    assert wave is not None
    assert not wave.any()


def test_a_clip_and_its_sound_are_one_medium(decoder: Decoder, tmp_path: Path) -> None:
    medium = decoder.decode(clip(tmp_path / "a.mp4", sound="aac"))
    assert medium.probe.kind is Kind.VIDEO
    assert medium.probe.has_audio
    assert medium.frames is not None
    assert medium.waveform is not None
    assert 1.9 < len(medium.waveform) / 16000 < 2.1


def test_long_sound_is_cut_with_a_note(tmp_path: Path) -> None:
    decoder = Decoder(Limits(max_audio_seconds=0.5))
    medium = decoder.decode(sound(tmp_path / "a.wav", "pcm_s16le", tone(1.0, 16000), 16000))
    decoder.close()
    assert medium.waveform is not None
    assert len(medium.waveform) == 8000
    assert medium.probe.notes


def test_too_long(refusal: Callable[[bytes | Path, Limits], MediumRefused], tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav", "pcm_s16le", tone(1.0, 8000), 8000)
    assert refusal(path, Limits(max_duration=0.5)).reason is Refusal.TOO_LONG


def test_a_header_without_sound_is_corrupt(
    refusal: Callable[[bytes | Path, Limits], MediumRefused], tmp_path: Path
) -> None:
    path = sound(tmp_path / "a.wav", "pcm_s16le", tone(1.0, 8000), 8000)
    assert refusal(path.read_bytes()[:44], Limits()).reason is Refusal.CORRUPT


def test_truncated_sound_is_heard_as_far_as_it_goes(decoder: Decoder, tmp_path: Path) -> None:
    path = sound(tmp_path / "a.mp3", "libmp3lame", tone(2.0, 16000), 16000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    wave = decoder.decode(path).waveform
    assert wave is not None
    assert 0.7 < len(wave) / 16000 < 1.3
