"""How media reach the engine: changes, their names, and the files that come of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis.decoding.decoder import Decoded
from analysis.errors import ConfigurationError, MediumRefused
from analysis.evaluation.delivery import (
    AS_IS,
    LADDERS,
    Change,
    Delivery,
    NotDelivered,
    ladder,
    parse_change,
)
from analysis.evaluation.preparing import Preparing
from analysis.evaluation.probes import jpeg_quality
from analysis.limits import Limits
from analysis.model import Kind
from tests.analysis.media import animation, clip, encoded, scene, sound, tone

JPEG75 = parse_change("jpeg:75")


@pytest.fixture(scope="module")
def preparing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preparing]:
    with Preparing(Limits(), tmp_path_factory.mktemp("delivered")) as made:
        yield made


def decoded(preparing: Preparing, path: Path, **tracks: bool) -> Decoded:
    return preparing.decoder.decode(path, **tracks)


def picture(folder: Path, width: int = 64, height: int = 48) -> Path:
    path = folder / "scene.png"
    Image.fromarray(scene(width, height)).save(path)
    return path


def test_a_delivery_is_named_by_all_that_is_done() -> None:
    assert AS_IS.name == Delivery().name == "as_is"
    made = Delivery(256, 2.5, (JPEG75, parse_change("mp3:64")))
    assert made.name == "crop256+middle2.5s+jpeg75+mp3_64"
    assert made.changed(Change("scale", 0.5)).name == "crop256+middle2.5s+jpeg75+mp3_64+scale0.5"


@pytest.mark.parametrize(
    "text", ["jpeg", "jpeg:", "jpeg:x", "jpeg:0", "jpeg:101", "jpeg:7.5", "png:1", "jpeg:nan"]
)
def test_changes_that_do_not_exist(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"is no change|goes from"):
        parse_change(text)


def test_only_codecs_encode_again() -> None:
    assert parse_change("blur:1.5") == Change("blur", 1.5)
    with pytest.raises(ConfigurationError, match="one of jpeg, webp, h264, mp3, opus"):
        parse_change("blur:1.5", codec=True)


def test_the_central_square_without_loss(preparing: Preparing, tmp_path: Path) -> None:
    medium = preparing.medium(picture(tmp_path))
    path = medium.delivered(Delivery(crop=32))
    with Image.open(path) as image:
        assert (image.format, image.size) == ("PNG", (32, 32))
        assert (np.asarray(image) == scene()[8:40, 16:48]).all()
    assert medium.delivered(Delivery(crop=32)) == path
    medium.forget()
    assert not path.exists()


def test_a_picture_is_delivered_as_the_encoder_leaves_it(preparing: Preparing, tmp_path: Path) -> None:
    medium = preparing.medium(picture(tmp_path))
    path = medium.delivered(Delivery(crop=32, encodings=(JPEG75, parse_change("mp3:64"))))
    with Image.open(path) as image:
        assert (image.format, image.size) == ("JPEG", (32, 32))
    assert jpeg_quality(path) == pytest.approx(75, abs=1)
    small = medium.delivered(Delivery(encodings=(JPEG75,), then=(Change("scale", 0.5),)))
    with Image.open(small) as image:
        assert (image.format, image.size) == ("PNG", (32, 24))


def test_every_rung_can_be_delivered(preparing: Preparing, tmp_path: Path) -> None:
    medium = preparing.medium(picture(tmp_path, 256, 192))
    before = decoded(preparing, tmp_path / "scene.png").frames
    assert before is not None
    rungs = ladder(Delivery(crop=128), Kind.IMAGE)
    assert len(rungs) == sum(map(len, LADDERS[Kind.IMAGE].values()))
    for change, delivery in rungs:
        frames = decoded(preparing, medium.delivered(delivery)).frames
        assert frames is not None
        side = {"scale": change.level * 128, "cut": change.level * 128}.get(change.way, 128)
        assert abs(frames.shape[1] - side) <= 1, delivery.name
        if frames.shape == (1, 128, 128, 3):
            assert (frames[0] != before[0][32:160, 64:192]).any(), delivery.name
    medium.forget()


def test_sound_is_cut_in_the_middle_and_encoded(preparing: Preparing, tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav", "pcm_s16le", tone(3, 16000), 16000)
    medium = preparing.medium(path)
    cut = decoded(preparing, medium.delivered(Delivery(seconds=1)))
    assert cut.probe.mime == "audio/wav"
    assert cut.waveform is not None
    assert len(cut.waveform) == 16000
    coded = decoded(preparing, medium.delivered(Delivery(seconds=1, encodings=(parse_change("opus:24"),))))
    assert coded.probe.codec == "opus"
    for change, delivery in ladder(Delivery(seconds=1), Kind.AUDIO):
        found = decoded(preparing, medium.delivered(delivery)).waveform
        assert found is not None
        assert 15000 < len(found) < 18000, change
    assert medium.delivered(Delivery(crop=64)) == path  # nothing to crop in a sound
    medium.forget()
    assert path.exists()


def test_a_video_is_encoded_again_with_its_sound(preparing: Preparing, tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", sound="aac", size=(64, 48))
    medium = preparing.medium(path)
    found = decoded(preparing, medium.delivered(Delivery(32, encodings=(parse_change("h264:30"),))))
    assert (found.probe.kind, found.probe.codec, found.probe.has_audio) == (Kind.VIDEO, "h264", True)
    assert found.frames is not None
    assert found.waveform is not None
    assert found.frames.shape[1:3] == (32, 32)
    assert np.diff(found.frames.mean(axis=(1, 2, 3))).min() > 0  # each frame is brighter than the one before
    assert len(found.waveform) == pytest.approx(2 * 16000, rel=0.1)
    half = decoded(preparing, medium.delivered(AS_IS.changed(Change("scale", 0.5)))).frames
    assert half is not None
    assert half.shape[1:3] == (24, 32)
    medium.forget()


def test_a_turned_video_stays_upright(preparing: Preparing, tmp_path: Path) -> None:
    path = clip(tmp_path / "turned.mp4", rotation=90, picture=lambda _: scene(64, 48))
    before = decoded(preparing, path).frames
    finest = Delivery(encodings=(parse_change("h264:0"),))
    after = decoded(preparing, preparing.medium(path).delivered(finest)).frames
    assert before is not None
    assert after is not None
    assert before.shape == after.shape
    assert np.abs(before[0].astype(int) - after[0]).mean() < 12


@pytest.mark.parametrize(
    ("delivery", "code"),
    [
        (Delivery(crop=256), "too_small"),
        (Delivery(encodings=(parse_change("mp3:64"),)), "does_not_apply"),
        (Delivery(then=(Change("gain", 3),)), "does_not_apply"),
    ],
)
def test_a_picture_that_cannot_arrive_so(
    preparing: Preparing, tmp_path: Path, delivery: Delivery, code: str
) -> None:
    with pytest.raises(NotDelivered) as caught:
        preparing.medium(picture(tmp_path)).delivered(delivery)
    assert caught.value.code == code


def test_media_that_cannot_be_delivered(preparing: Preparing, tmp_path: Path) -> None:
    short = preparing.medium(sound(tmp_path / "a.wav", "pcm_s16le", tone(0.5, 16000), 16000))
    with pytest.raises(NotDelivered, match=r"0\.50 s, shorter than the cut of 1 s"):
        short.delivered(Delivery(seconds=1))
    moving = tmp_path / "a.gif"
    moving.write_bytes(animation("GIF"))
    with pytest.raises(NotDelivered, match="image/gif is no video"):
        preparing.medium(moving).delivered(Delivery(encodings=(parse_change("h264:23"),)))
    text = tmp_path / "a.jpg"
    text.write_text("words")
    medium = preparing.medium(text)
    with pytest.raises(MediumRefused):
        medium.delivered(Delivery(crop=8))
    assert medium.features(AS_IS) == {}
    assert medium.kind is None


def test_features_of_pictures(preparing: Preparing, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(Image.fromarray(scene(80, 40)), "JPEG", quality=60))
    found = preparing.medium(path).features(AS_IS)
    assert found["bits per pixel"] == pytest.approx(8 * path.stat().st_size / 3200)
    assert found["JPEG quality"] == pytest.approx(60, abs=1)
    assert (found["shorter side (px)"], found["width to height"]) == (40, 2)
    assert found["format image/jpeg"] == 1
    levelled = preparing.medium(path).features(Delivery(crop=32))
    assert (levelled["JPEG quality"], levelled["format image/png"]) == (101, 1)
    soft = preparing.medium(path).features(Delivery(then=(Change("blur", 3),)))
    assert soft["blur (Laplacian variance)"] < found["blur (Laplacian variance)"] / 3
    assert preparing.medium(path).features(Delivery(crop=400)) == {}


@pytest.mark.parametrize("quality", [30, 75, 98])
def test_jpeg_quality_is_read_off_the_tables(tmp_path: Path, quality: int) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(Image.fromarray(scene()), "JPEG", quality=quality))
    assert jpeg_quality(path) == pytest.approx(quality, abs=0.6)
    path.write_bytes(io.BytesIO(b"no picture").getvalue())
    assert jpeg_quality(path) == 101


def test_features_of_sound(tmp_path: Path, preparing: Preparing) -> None:
    quiet = np.zeros((1, 8000), dtype=np.float32)
    samples = np.concatenate([quiet, tone(1.5, 16000, amplitude=0.5)], axis=1)
    path = sound(tmp_path / "a.wav", "pcm_s16le", samples, 16000)
    found = preparing.medium(path).features(AS_IS)
    assert found["length (s)"] == pytest.approx(2.0, abs=0.01)
    assert found["silence before (s)"] == pytest.approx(0.5, abs=0.03)
    assert found["loudness (dBFS)"] == pytest.approx(10 * np.log10(0.75 * 0.125), abs=0.2)
    assert found["bandwidth (Hz)"] < 1000
    assert found["noise floor (dBFS)"] < -90
    louder = preparing.medium(path).features(Delivery(then=(Change("gain", 6),)))
    assert louder["loudness (dBFS)"] - found["loudness (dBFS)"] == pytest.approx(6, abs=0.3)


def test_features_of_video(tmp_path: Path, preparing: Preparing) -> None:
    found = preparing.medium(clip(tmp_path / "a.mp4", sound="aac")).features(AS_IS)
    assert (found["has sound"], found["codec h264"], found["frames per second"]) == (1, 1, 10)
    assert found["length (s)"] == pytest.approx(2, abs=0.1)
