"""Scoring media of sources that shipped weights never saw, through the engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis.calibration.judged import judge, main, unseen, write_scores
from analysis.calibration.scores import read_scores
from detectors.record import load


def picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).resize((256, 256)).save(path)


@pytest.fixture
def media(tmp_path: Path) -> Path:
    for n, place in enumerate(("sixgen/real", "sixgen/fake", "elsewhere/real", "elsewhere/fake")):
        picture(tmp_path / "media" / place / "a.png", n)
    return tmp_path / "media"


def test_sources_that_the_weights_know_are_passed_over(media: Path) -> None:
    found = unseen([media], [], load("veritag_image"))
    assert {known.item.source for known in found} == {"elsewhere"}


def test_of_what_was_made_only_the_fakes_count(media: Path, tmp_path: Path) -> None:
    for n, place in enumerate(("real", "fake")):
        picture(tmp_path / "spliced" / "elsewhere" / place / "b.png", 10 + n)
    found = unseen([media], [tmp_path / "spliced"], load("veritag_image"))
    assert [(known.item.label, known.item.generator) for known in found].count((1, "spliced")) == 1
    assert len(found) == 3


def test_media_are_scored_in_both_deliveries(media: Path, tmp_path: Path) -> None:
    found = unseen([media], [], load("tiny_ladeda"))
    write_scores(judge("tiny_ladeda", found), tmp_path / "scores.csv")
    rows = read_scores(tmp_path / "scores.csv")
    assert sorted((row.source, row.label, row.delivery) for row in rows) == [
        ("elsewhere", label, delivery) for label in (0, 1) for delivery in ("as_is", "jpeg75")
    ]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["tiny_ladeda", "--media", str(tmp_path / "none"), "--out", str(tmp_path / "s.csv")])
    assert status == 2
    assert "does not exist" in capsys.readouterr().err
