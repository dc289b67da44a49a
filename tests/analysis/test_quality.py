"""Media quality: what is measured, and what it is worth."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from analysis.decoding.decoder import Decoded
from analysis.decoding.jpeg import jpeg_quality
from analysis.errors import ConfigurationError
from analysis.model import Band, Kind, Probe, Reason, Verdict
from analysis.quality import Curve, Quality, QualityMap, assess, load_quality_map, measure, with_quality
from tests.analysis.media import encoded, scene, tone

CURVES = load_quality_map()
NOISE = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)


@pytest.mark.parametrize("quality", [1, 10, 30, 49, 50, 75, 90, 95, 100])
def test_libjpegs_quality_is_recovered(quality: int) -> None:
    image = Image.open(io.BytesIO(encoded(Image.fromarray(scene()), "JPEG", quality=quality)))
    found = jpeg_quality(image.quantization)  # type: ignore[attr-defined]
    assert found == quality


def test_no_table_no_quality() -> None:
    assert jpeg_quality({}) is None
    assert jpeg_quality({0: [1, 2, 3]}) is None


def medium(probe: Probe, frames: object = None, waveform: object = None) -> Decoded:
    return Decoded("0" * 64, probe, frames, waveform, {})  # type: ignore[arg-type]


def picture(frame: np.ndarray, **probe: object) -> Decoded:  # type: ignore[type-arg]
    height, width = frame.shape[:2]
    about = Probe(Kind.IMAGE, "image/x", 50_000, width, height, frames=1, **probe)  # type: ignore[arg-type]
    return medium(about, frame[None])


def test_a_good_picture_keeps_all_its_evidence() -> None:
    found = measure(picture(NOISE, codec="JPEG", jpeg_quality=95))
    assert found["short_side"] == 300
    assert found["jpeg_quality"] == 95
    assert "bits_per_pixel" not in found
    assert assess(Kind.IMAGE, found, CURVES) == Quality(1.0)


def test_each_fault_is_named() -> None:
    faults = {
        "small (128 pixels": picture(NOISE[:128, :128]),
        "JPEG quality about 20": picture(NOISE, codec="JPEG", jpeg_quality=20),
        "blurred or without detail": picture(np.full((300, 400, 3), 90, np.uint8)),
        "bits per pixel": medium(Probe(Kind.VIDEO, "video/x", 9000, 640, 480, 9.0, 270, 30.0, codec="h264")),
        "nothing above 0.5 kHz": medium(Probe(Kind.AUDIO, "a/x", 1), None, tone(3, 16_000)[0]),
        "sound is clipped": medium(Probe(Kind.AUDIO, "a/x", 1), None, np.sign(tone(3, 16_000)[0])),
    }
    for words, faulty in faults.items():
        found = assess(faulty.probe.kind, measure(faulty), CURVES)
        assert found.share < 1, words
        assert any(words in cause for cause in found.causes), (words, found)


def test_thrifty_codecs_need_fewer_bits() -> None:
    about = {
        "kind": Kind.VIDEO,
        "mime": "video/x",
        "size": 90_000,
        "width": 640,
        "height": 480,
        "frames": 270,
    }
    plain, thrifty = (measure(medium(Probe(**about, codec=codec))) for codec in ("h264", "hevc"))  # type: ignore[arg-type]
    assert thrifty["bits_per_pixel"] == 2 * plain["bits_per_pixel"]


def test_silence_and_bandwidth() -> None:
    silent = medium(Probe(Kind.AUDIO, "a/x", 1), None, np.zeros(1000, np.float32))
    assert measure(silent) == {}
    wide = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    assert measure(medium(Probe(Kind.AUDIO, "a/x", 1), None, wide))["bandwidth"] > 7900


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_shares_never_fall_as_a_measure_rises(first: float, second: float) -> None:
    low, high = sorted((first, second))
    for curves in CURVES.curves.values():
        for curve in curves.values():
            assert 0 <= curve.share(low) <= curve.share(high) <= 1


def test_a_curve_must_rise_to_all() -> None:
    for knots in (((0, 0), (0, 1)), ((0, 0.5), (1, 0.2)), ((0, 0), (1, 0.9)), ((0, -1), (1, 1))):
        with pytest.raises(ValueError, match="rise"):
            Curve(knots=knots, ground="stated")
    assert Curve(knots=((10, 0.5), (20, 1)), ground="stated").share(15) == 0.75


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    for text in (
        "",
        "{}",
        json.dumps({"date": "x", "note": "", "curves": {"image": {"blur": {"knots": []}}}}),
    ):
        (tmp_path / "quality.json").write_text(text)
        load_quality_map.cache_clear()
        with pytest.raises(ConfigurationError, match=r"quality\.json cannot be used"):
            load_quality_map(tmp_path / "quality.json")


def test_causes_are_told_where_the_policy_took_them_into_account() -> None:
    poor = Quality(0.4, ("small (9 pixels on its shorter side)",))
    heard = Verdict(Band.UNCERTAIN, 0.5, "calibrated", (Reason("low_quality", "only 40 %"),))
    told = with_quality(heard, poor).reasons[-1]
    assert (told.code, told.text) == (
        "quality_cause",
        "what costs evidence: it is small (9 pixels on its shorter side)",
    )
    deaf = Verdict(Band.LOW, None, "vote", ())
    assert with_quality(deaf, poor) == deaf


def test_unknown_measures_and_kinds_change_nothing() -> None:
    empty = QualityMap(date="2026-01-01", note="", curves={})
    assert assess(Kind.IMAGE, {"blur": 0.0}, empty) == Quality(1.0)
    assert assess(Kind.IMAGE, {}, CURVES) == Quality(1.0)
