"""Chains: drawn once, applied to both alike, delivered as files that tell nothing."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from detectors.base import Modality
from detectors.errors import GenerationError
from detectors.generation.base import Pixels
from detectors.generation.laundering import (
    ANY,
    LOSSLESS_PICTURE,
    LOSSLESS_SOUND,
    Chain,
    picture_chain,
    presets,
    sound_chain,
)
from detectors.generation.laundering import pictures as pic
from detectors.generation.laundering import sound as snd
from detectors.generation.laundering.screens import Caption, Screenshot, Sticker
from detectors.generation.laundering.video import FrameGrab, h264
from detectors.generation.splicing import copy_move
from tests.detectors.generation.media import picture, sound


def decoded(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("preset", presets(Modality.IMAGE))
def test_a_pair_leaves_a_picture_chain_alike(preset: str) -> None:
    real = picture(1)
    fake, mask, _ = copy_move(real, np.random.default_rng(1))
    assert mask is not None
    for seed in range(3):
        chain = picture_chain(np.random.default_rng(seed), preset)
        assert chain == picture_chain(np.random.default_rng(seed), preset)
        (first, suffix), (second, other) = (chain.deliver(one, LOSSLESS_PICTURE) for one in (real, fake))
        assert suffix == other
        assert first == chain.deliver(real, LOSSLESS_PICTURE)[0], "the same bytes every time"
        with Image.open(io.BytesIO(first)) as a, Image.open(io.BytesIO(second)) as b:
            assert (a.size, a.format, a.mode) == (b.size, b.format, b.mode)
            assert getattr(a, "quantization", None) == getattr(b, "quantization", None)
            assert a.info.get("progressive") == b.info.get("progressive")
        assert np.array_equal(decoded(second), chain(fake)), "the file is what the chain gives in memory"
        assert chain.follow(mask).shape == chain(fake).shape[:2]
        assert json.loads(json.dumps(chain.describe()))["preset"] == preset


def test_the_mask_follows_what_is_cut_scaled_and_framed() -> None:
    real = picture(1, 200, 300)
    marked = real.copy()
    marked[60:140, 90:200] = (255, 0, 255)
    mask = np.zeros((200, 300), np.float32)
    mask[60:140, 90:200] = 1
    steps = (pic.Crop(0.1, 0.05, 0, 0.2), Screenshot(390, 47, 60, "dark"), pic.Rescale(0.8), pic.Fit(200))
    chain = Chain("test", steps)
    out = chain(marked).astype(int)
    seen = (out[..., 0] > 200) & (out[..., 1] < 60) & (out[..., 2] > 200)
    followed = chain.follow(mask)
    assert seen.sum() > 1000
    assert followed[seen].mean() > 0.95
    assert followed.sum() == pytest.approx(seen.sum(), rel=0.1)


@pytest.mark.parametrize("preset", presets(Modality.AUDIO))
def test_a_pair_leaves_a_sound_chain_alike(preset: str) -> None:
    real = sound(1)
    fake = real[::-1].copy()
    chain = sound_chain(np.random.default_rng(3), preset)
    (first, suffix), (second, other) = (chain.deliver(one, LOSSLESS_SOUND) for one in (real, fake))
    assert suffix == other
    assert first == chain.deliver(real, LOSSLESS_SOUND)[0], "the same bytes every time"
    heard, file = chain(fake), snd.decode_sound(io.BytesIO(second))
    assert heard.shape == fake.shape
    assert heard.dtype == np.float32
    assert np.abs(heard).max() <= 1
    assert np.allclose(file[: len(heard)], heard, atol=1e-4)
    assert json.loads(json.dumps(chain.describe()))["preset"] == preset


@pytest.mark.parametrize("codec", [snd.Mp3(48_000), snd.Aac(64_000), snd.Opus(24_000), snd.Wav()])
def test_sound_codecs_keep_time_and_voice(codec: snd.Wav) -> None:
    real = sound(2, 1.3)
    heard = codec(real)
    lag = int(np.correlate(heard, real, "full").argmax()) - len(real) + 1
    assert abs(lag) <= 2, "no shift that would tell an encoded sound from another"
    assert np.corrcoef(heard, real)[0, 1] > 0.9
    assert not np.array_equal(heard, real)


@pytest.mark.parametrize("law", snd.LAWS)
def test_a_telephone_lets_only_its_band_through(law: snd.Law) -> None:
    rng = np.random.default_rng(0)
    noise = (0.1 * rng.normal(size=16_000)).astype(np.float32)
    power = np.abs(np.fft.rfft(snd.Telephone(law)(noise))) ** 2  # one bin a hertz
    assert power[4200:].mean() < power[500:3000].mean() / 100
    assert power[:150].mean() < power[500:3000].mean() / 30


def test_hiss_has_the_level_that_it_names_and_gain_too() -> None:
    silence = np.zeros(16_000, np.float32)
    for slope in (0, 1, 2):
        hiss = snd.Hiss(40, slope, 3)(silence)
        assert 20 * np.log10(np.sqrt(np.mean(hiss**2))) == pytest.approx(-40, abs=0.1)
    peak = np.abs(sound(0)).max()
    assert np.abs(snd.Gain(6)(sound(0))).max() == pytest.approx(10 ** (6 / 20) * peak, rel=1e-5)


def test_a_room_rings_after_the_sound() -> None:
    click = np.zeros(16_000, np.float32)
    click[1000] = 0.5
    heard = snd.Room(0.3, 0.5, 1)(click)
    assert np.abs(heard[:1000]).max() < 1e-6
    assert heard[1000] == pytest.approx(0.5, rel=1e-3)
    early, late = (float(np.sum(heard[a : a + 1600] ** 2)) for a in (1001, 4200))
    assert early > 100 * late > 0


@pytest.mark.parametrize("position", range(4))
def test_frame_grabs_keep_the_picture_in_place(position: int) -> None:
    real = picture(4, 121, 163)
    grabbed = FrameGrab(18, position)(real)
    assert grabbed.shape == real.shape
    errors = [np.abs(np.roll(grabbed, shift, 1).astype(int) - real).mean() for shift in (-1, 0, 1)]
    assert np.argmin(errors) == 1
    assert 0 < errors[1] < 12


def test_video_loses_more_at_a_higher_rate_factor() -> None:
    clip = np.stack([picture(4, 96, 128)[:, shift : shift + 100] for shift in range(6)])
    losses = [np.abs(h264(clip, crf).astype(int) - clip).mean() for crf in (15, 30, 45)]
    assert losses == sorted(losses)
    assert losses[0] < losses[2] / 2


def test_what_is_drawn_over_changes_only_its_place() -> None:
    real = picture(5)
    for step in (
        Caption("wow", 0.5, 0.2, 0.1, (255, 255, 255)),
        *(Sticker(shape, 0.5, 0.2, 0.2, (255, 221, 51)) for shape in ("smile", "heart", "star", "arrow")),
    ):
        changed = (step(real) != real).any(axis=-1)
        assert changed[:80].any(), step
        assert not changed[80:].any(), step


@pytest.mark.parametrize("subsampling", pic.SUBSAMPLINGS)
def test_tables_of_another_jpeg_are_taken_over(subsampling: str) -> None:
    data = pic.Jpeg(61, subsampling).encode(picture(6))
    with Image.open(io.BytesIO(data)) as image:
        wanted = image.quantization
    tables = tuple(tuple(table) for _, table in sorted(wanted.items()))
    with Image.open(io.BytesIO(pic.JpegTables(tables, subsampling).encode(picture(7)))) as image:
        assert image.quantization == wanted


def test_drawing_any_reaches_every_preset_of_the_kind() -> None:
    rng = np.random.default_rng(0)
    assert {picture_chain(rng, ANY).preset for _ in range(200)} == set(presets(Modality.IMAGE))
    assert {sound_chain(rng, ANY).preset for _ in range(200)} == set(presets(Modality.AUDIO))


def test_presets_of_the_other_kind_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(GenerationError, match="no laundering 'podcast' for image; known: any, forwarded"):
        picture_chain(rng, "podcast")
    with pytest.raises(GenerationError, match="no laundering 'meme' for audio"):
        sound_chain(rng, "meme")


def test_video_gives_the_same_frames_every_time() -> None:
    rng = np.random.default_rng(0)
    clip = np.stack([np.roll(picture(1), shift % 2, axis=1) for shift in range(4)])
    first = h264(clip, 28, preset="veryfast")
    for _ in range(80):
        # Freed memory that holds something: with rate control by macroblock trees, bits differed then.
        sizes = rng.integers(1_000, 400_000, rng.integers(1, 6))
        litter = [rng.integers(0, 255, size, np.uint8) for size in sizes]
        assert np.array_equal(h264(clip, 28, preset="veryfast"), first), len(litter)
