"""Fitting the curves: shrinkage is found where it is, and only there."""

from __future__ import annotations

import json
import math
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis.calibration.quality import fine_ones, fitted, main, measured, shrinkage
from analysis.calibration.scores import Row, ScoreTable, table_of
from analysis.model import Kind
from analysis.quality import Curve, QualityMap, load_quality_map
from detectors.errors import NotMeasurable
from detectors.record import Calibration
from tests.analysis.media import encoded

BEFORE = QualityMap(
    date="2026-01-01",
    note="",
    curves={Kind.IMAGE: {"bits_per_pixel": Curve(knots=((0.02, 0), (0.1, 1)), ground="stated")}},
)


def calibration(slope: float) -> Calibration:
    return Calibration(
        method="platt",
        parameters={"slope": slope, "intercept": 0.0},
        bound=5.0,
        data=(),
        date="2026-01-01",
        protocol="made up",
    )


def table(kept: float, deliveries: tuple[str, ...] = ("as_is", "jpeg75")) -> ScoreTable:
    """Scores whose logits lie one left or right of 0 by label; recompressed, ``kept`` of that is left."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(1200):
        label = number % 2
        for delivery in deliveries:
            share = 1.0 if delivery == "as_is" else kept
            x = share * (2 * label - 1) + rng.normal()
            score = 1 / (1 + math.exp(-x))
            rows.append(Row(f"i{number}", Kind.IMAGE, f"s{number // 2 % 8}", "", label, delivery, score))
    return table_of("d", rows, Kind.IMAGE)


def test_lost_evidence_is_found() -> None:
    found = shrinkage("d", table(0.4), calibration(2.0))
    assert found.share == pytest.approx(0.4, abs=0.12)
    assert found.supported
    assert found.interval is not None
    assert found.interval[0] < found.share < found.interval[1]
    assert found.media == 1200


def test_what_is_not_lost_is_not_taken_away() -> None:
    assert not shrinkage("d", table(1.0), calibration(2.0)).supported


def test_a_detector_without_evidence_has_none_to_lose() -> None:
    found = shrinkage("d", table(0.4), calibration(0.0))
    assert found.share is None
    assert not found.supported


def test_both_deliveries_are_needed() -> None:
    with pytest.raises(NotMeasurable, match="no media scored both as_is and jpeg75"):
        shrinkage("d", table(1.0, ("as_is",)), calibration(2.0))


def test_curves_follow_the_data_and_keep_what_it_does_not_tell() -> None:
    media = {f"i{n}": {"short_side": 256.0 + n, "jpeg_quality": 95.0} for n in range(100)}
    media["i0"]["blur"] = 3.0
    loses = shrinkage("d", table(0.4), calibration(2.0))
    steady = shrinkage("d", table(1.0), calibration(2.0))
    for found, share in ((loses, loses.share), (steady, 1.0)):
        curves = fitted(
            BEFORE, {Kind.IMAGE: media}, {Kind.IMAGE: [found]}, date="2026-02-02", note="n"
        ).curves[Kind.IMAGE]
        assert set(curves) == {"bits_per_pixel", "short_side", "jpeg_quality"}  # one blur is no measurement
        assert curves["bits_per_pixel"] == BEFORE.curves[Kind.IMAGE]["bits_per_pixel"]
        assert curves["short_side"].share(257) == 1
        assert curves["short_side"].share(64) == 0
        assert curves["jpeg_quality"].share(75) == pytest.approx(share)
        assert curves["jpeg_quality"].share(95) == 1
        assert curves["jpeg_quality"].share(10) == 0


def test_only_media_that_were_scored_are_measured(tmp_path: Path) -> None:
    files = []
    for side in (64, 80):
        files.append(tmp_path / f"{side}.png")
        files[-1].write_bytes(encoded(Image.new("RGB", (side, side)), "PNG"))
    (tmp_path / "note.txt").write_text("no medium")
    item = sha256(files[1].read_bytes()).hexdigest()[:16]
    found = measured(sorted(tmp_path.iterdir()), {item})
    assert found == {Kind.IMAGE: {item: {"short_side": 80, "blur": 0.0}}, Kind.VIDEO: {}, Kind.AUDIO: {}}


def test_the_command_keeps_a_file_that_the_data_does_not_change(tmp_path: Path) -> None:
    file = tmp_path / "quality.json"
    load_quality_map.cache_clear()
    before = load_quality_map()
    file.write_text(json.dumps(before.model_dump(mode="json")))
    (tmp_path / "records").mkdir()
    main(["--date", "2026-03-03", "--records", str(tmp_path / "records"), "--file", str(file), "--write"])
    after = load_quality_map(file)
    assert after.curves == before.curves
    assert (after.date, after.note) == ("2026-03-03", "no out-of-fold scores")


def test_only_fine_media_tell_what_compression_costs() -> None:
    media = {"i0": {"jpeg_quality": 75.0}, "i1": {"jpeg_quality": 92.0}, "i2": {"short_side": 300.0}}
    assert set(fine_ones(table(1.0), media).item.tolist()) == {"i1", "i2"}
