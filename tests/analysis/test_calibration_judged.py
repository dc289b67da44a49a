"""Scoring media through the engine by weights that never saw their sources."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from analysis.calibration.judged import (
    collect,
    judge,
    judge_all,
    main,
    share_out,
    weights_of,
    write_scores,
)
from analysis.calibration.scores import read_scores
from analysis.errors import ConfigurationError
from analysis.evaluation.items import Known
from detectors.record import DataSet, load
from detectors.training import report
from detectors.weights import BUNDLED


def picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).resize((256, 256)).save(path)


@pytest.fixture
def media(tmp_path: Path) -> Path:
    for n, place in enumerate(("sixgen/real", "sixgen/fake", "elsewhere/real", "elsewhere/fake")):
        picture(tmp_path / "media" / place / "a.png", n)
    return tmp_path / "media"


@pytest.fixture
def folds(tmp_path: Path) -> Path:
    """Weights of two folds: one saw a source of the group of `photos_real_only`, the other did not."""
    weights = BUNDLED / "tiny_ladeda.safetensors"
    for name, sources in (("a", ("dogcat", "quiz_kurlyto")), ("b", ("dogcat", "portraits_tpdne"))):
        file = tmp_path / "folds" / name / weights.name
        file.parent.mkdir(parents=True)
        # Another bias, so that it shows by whom a medium was scored.
        tensors = {key: value + 9 if value.ndim == 1 else value for key, value in load_file(weights).items()}
        save_file(tensors if name == "b" else load_file(weights), file)
        seen = tuple(DataSet(name=source, real=1, fake=1) for source in sources)
        described = report.describe(load("tiny_ladeda"), None, file, seen, "", from_scratch=True)
        report.write(file.with_suffix(".json"), described, {})
    return tmp_path / "folds"


def sources(media: list[Known]) -> set[str]:
    return {known.item.source for known in media}


def test_sources_that_the_weights_know_are_passed_over(media: Path) -> None:
    shares = share_out(collect([media], []), weights_of("veritag_image", None))
    assert {name: sources(own) for name, own in shares.items()} == {"veritag_image": {"elsewhere"}}


def test_a_source_is_scored_by_a_fold_that_saw_none_of_its_group(media: Path, folds: Path) -> None:
    for n, place in enumerate(("photos_real_only/real", "mde_cameras/real", "dogcat/real", "dogcat/fake")):
        picture(media / place / "a.png", 20 + n)
    a, b = (str(folds / name / "tiny_ladeda.json") for name in "ab")
    weights = weights_of("tiny_ladeda", folds)
    assert list(weights) == ["tiny_ladeda", a, b]
    shares = share_out(collect([media], []), weights)
    assert {name: sources(own) for name, own in shares.items()} == {
        "tiny_ladeda": {"elsewhere"},
        a: {"sixgen", "mde_cameras"},
        b: {"photos_real_only"},
    }


def test_the_weights_of_the_fold_give_the_score(media: Path, folds: Path) -> None:
    picture(media / "photos_real_only" / "real" / "a.png", 20)
    found = collect([media], [])
    rows = judge_all(found, weights_of("tiny_ladeda", folds))
    assert [known for known, _ in rows] == [known for known in found for _ in range(2)]
    own = [(known, row.score) for known, row in rows if known.item.source == "photos_real_only"]
    by_fold = judge(str(folds / "b" / "tiny_ladeda.json"), [own[0][0]])
    shipped = judge("tiny_ladeda", [own[0][0]])
    assert [score for _, score in own] == [row.score for _, row in by_fold]
    assert [score for _, score in own] != [row.score for _, row in shipped]


def test_a_fold_whose_weights_are_gone_is_no_medium_without_a_score(media: Path, folds: Path) -> None:
    (folds / "a" / "tiny_ladeda.safetensors").unlink()
    with pytest.raises(ConfigurationError, match="tiny_ladeda"):
        judge(str(folds / "a" / "tiny_ladeda.json"), collect([media], []))


def test_of_what_was_made_only_the_fakes_count(media: Path, tmp_path: Path) -> None:
    for n, place in enumerate(("real", "fake")):
        picture(tmp_path / "spliced" / "elsewhere" / place / "b.png", 10 + n)
    found = collect([media], [tmp_path / "spliced"])
    assert [(known.item.label, known.item.generator) for known in found].count((1, "spliced")) == 1
    assert len(found) == 5


def test_media_are_scored_in_both_deliveries(media: Path, tmp_path: Path) -> None:
    found = [known for known in collect([media], []) if known.item.source == "elsewhere"]
    write_scores(judge("tiny_ladeda", found), tmp_path / "scores.csv")
    rows = read_scores(tmp_path / "scores.csv")
    assert sorted((row.source, row.label, row.delivery) for row in rows) == [
        ("elsewhere", label, delivery) for label in (0, 1) for delivery in ("as_is", "jpeg75")
    ]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["tiny_ladeda", "--media", str(tmp_path / "none"), "--out", str(tmp_path / "s.csv")])
    assert status == 2
    assert "does not exist" in capsys.readouterr().err


def test_folds_without_weights_are_named(
    media: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--media", str(media), "--folds", str(tmp_path), "--out", str(tmp_path / "s.csv")]
    assert main(["tiny_ladeda", *arguments]) == 2
    assert "has no FOLD/tiny_ladeda.json" in capsys.readouterr().err
